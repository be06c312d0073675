from pathlib import Path

from benchmarks.detection.table import Section, Table
from benchmarks.summary import write_summary


def test_summary_fills_the_page_between_its_marks_and_nothing_else(tmp_path: Path) -> None:
    table = Table(
        "Bursts of 3-20 samples",
        ("detector", "AR(0.9)", "AR(0.9), own line"),
        [("Kullback", "0.95", "0.9 @ 1.0"), ("|x|/MAD", "0.50", "0.4 @ 1.0"), ("dummy", "0.99", "0 @ 0")],
    )
    Section("bursts", "Short bursts", [table]).write(tmp_path, "the command", {})
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- detection:begin -->\nold\n<!-- detection:end -->\nafter\n")
    write_summary(page, tmp_path)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("<!-- detection:end -->\nafter\n")
    assert "| bursts found, AR(0.9) | 0.90 | 0.95 | \\|x\\|/MAD 0.50 |" in text
    assert "old" not in text


def test_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("mine\n")
    write_summary(page, tmp_path)
    assert page.read_text() == "mine\n"
