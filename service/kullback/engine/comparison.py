"""With what a stream is compared, and with what it should be, for people."""

from __future__ import annotations

from dataclasses import dataclass

from kullback.core.budget import DAY_MS
from kullback.core.duration import render_duration
from kullback.core.labels import TENANT, Labels, render, sorted_labels
from kullback.core.profile import Reference
from kullback.engine.forms import Form
from kullback.engine.streams import Stream

MEANWHILE = "compared with its own newest past until then"
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """What stands for normal.

    Parameters
    ----------
    kind : str
        Asked for: rolling, pinned, ago or stream.
    in_force : bool
        Whether that is what the stream is compared with; else it is its own newest past.
    state : str
        In words.
    """

    kind: str
    in_force: bool
    state: str


def kind_of(reference: Reference) -> str:
    """The name of a kind of reference.

    Parameters
    ----------
    reference : Reference
    """
    if reference.stream:
        return "stream"
    if reference.ago_ms:
        return "ago"
    return "pinned" if reference.pinned else "rolling"


def leader_labels(stream: Stream) -> Labels:
    """Labels of the stream that one follows.

    Parameters
    ----------
    stream : Stream
    """
    return sorted_labels((*stream.series.labels, *stream.profile.reference.stream))


def comparison(stream: Stream, held: bool, covered_ms: int, leader_samples: int | None) -> Comparison:
    """How things stand.

    Parameters
    ----------
    stream : Stream
    held : bool
        Whether the stream has another reference than its own newest past.
    covered_ms : int
        How far back it keeps its past.
    leader_samples : int or None
        Of the stream that it follows; None when there is none.
    """
    reference = stream.profile.reference
    kind = kind_of(reference)
    if kind != "rolling" and stream.form is not Form.NUMBER:
        return Comparison(
            kind, False, f"only streams of numbers can; {MEANWHILE.removesuffix(' until then')}"
        )
    if kind == "stream":
        return Comparison(kind, held, _of_leader(stream, held, leader_samples))
    if kind == "ago":
        return Comparison(kind, held, _of_past(reference, held, covered_ms))
    if kind == "pinned":
        name = reference.pinned
        return Comparison(kind, held, name if held else f"there is no reference {name!r} yet; {MEANWHILE}")
    return Comparison(kind, True, "its own newest past")


def _of_leader(stream: Stream, held: bool, samples: int | None) -> str:
    name = render(tuple(pair for pair in leader_labels(stream) if pair[0] != TENANT))
    if held:
        return name if samples is not None else f"{name} is gone; compared with its last samples"
    if samples is None:
        return f"no reference yet: there is no stream {name}; {MEANWHILE}"
    return f"no reference yet: {name} has {samples} samples; {MEANWHILE}"


def _of_past(reference: Reference, held: bool, covered_ms: int) -> str:
    ago, span = render_duration(reference.ago_ms), render_duration(reference.span_ms)
    if held:
        return f"itself {ago} ago, {span} around then"
    if covered_ms < reference.ago_ms:
        return f"no reference yet: {_of(covered_ms, reference.ago_ms)}; {MEANWHILE}"
    return f"too few samples of {ago} ago, {span} around then; {MEANWHILE}"


def _of(covered_ms: int, whole_ms: int) -> str:
    if whole_ms < DAY_MS:
        return f"{render_duration(round(covered_ms / MINUTE_MS) * MINUTE_MS)} of {render_duration(whole_ms)}"
    return f"{covered_ms / DAY_MS:.1f} of {whole_ms / DAY_MS:g} days"
