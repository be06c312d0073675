import re

from kullback.core.errors import RETIRED, ErrorId, Refusal, merge_refusals
from kullback.core.limits import Limits


def test_codes_and_reasons_are_unique_and_never_retired_ones() -> None:
    codes = [error.code for error in ErrorId]
    reasons = [error.reason for error in ErrorId]
    assert len(set(codes)) == len(codes)
    assert len(set(reasons)) == len(reasons)
    assert not RETIRED & set(codes)
    assert all(re.fullmatch(r"kb(-[a-z]+)+", code) for code in codes)


def test_text_ends_with_the_code_and_names_the_option() -> None:
    text = ErrorId.SAMPLE_TOO_OLD.text("A sample is 5 ms old.")
    assert text == "A sample is 5 ms old. Change `max_sample_age_ms` to move this limit. [kb-sample-too-old]"


def test_option_of_every_limit_error_exists() -> None:
    fields = set(Limits.__dataclass_fields__)
    named = {
        error.option for error in ErrorId if error.option and error.option.startswith(("max_", "out_", "fut"))
    }
    assert named <= fields


def test_refusals_of_one_reason_are_added_up() -> None:
    merged = merge_refusals(
        [
            Refusal(ErrorId.BAD_SAMPLE, 2, "first"),
            Refusal(ErrorId.BAD_LABELS, 1),
            Refusal(ErrorId.BAD_SAMPLE, 3, "x"),
        ]
    )
    assert merged == (Refusal(ErrorId.BAD_SAMPLE, 5, "first"), Refusal(ErrorId.BAD_LABELS, 1))
