"""The kernel's lines are those that Python would join."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kullback.outputs.lines import Lines, page_of, stacked

TEXTS = st.lists(st.binary(max_size=40), min_size=1, max_size=20)


@given(TEXTS, st.data())
def test_lines_are_what_python_would_join(texts: list[bytes], draw: st.DataObject) -> None:
    rows = draw.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=30))
    numbers = [str(draw.draw(st.integers(-(10**6), 10**6))).encode() for _ in rows]
    lines = Lines(b"up{", b',window="16"} ', np.array(rows, np.int64), b",".join(numbers))
    body = page_of([b"# head\n", lines, b"# EOF\n"], stacked(texts))
    joined = b"".join(
        b"up{" + texts[row] + b',window="16"} ' + number + b"\n"
        for row, number in zip(rows, numbers, strict=True)
    )
    assert body == b"# head\n" + joined + b"# EOF\n"


def test_a_page_without_streams_is_its_texts() -> None:
    assert page_of([b"# head\n", b"# EOF\n"], stacked([])) == b"# head\n# EOF\n"
