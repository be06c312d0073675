"""The pages that are generated from the code are current and complete."""

from pathlib import Path

import pytest
from scripts.reference_pages import pages

from kullback.core.errors import ErrorId

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["errors.md", "options.md"])
def test_committed_page_equals_the_generated_one(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run `make reference`"


@pytest.mark.parametrize("error", list(ErrorId), ids=lambda error: error.code)
def test_every_error_has_its_anchor(error: ErrorId) -> None:
    assert f"\n## {error.code}\n" in pages()["errors.md"]


@pytest.mark.parametrize("error", [error for error in ErrorId if error.option], ids=lambda error: error.code)
def test_every_option_that_an_error_names_is_documented_or_a_flag(error: ErrorId) -> None:
    is_flag = "." in (error.option or "")
    assert is_flag or f"| `{error.option}` |" in pages()["options.md"]
