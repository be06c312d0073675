"""Why the Kullback-Leibler divergence has two directions, told with the reader's own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

from kullback.detector.compare import Comparison, Part

ALIKE_NATS = 1e-9


def asymmetry(found: Comparison) -> str:
    """What the two directions of the divergence mean here, in a few sentences.

    Parameters
    ----------
    found : Comparison
    """
    kl, reverse = found.measures["kl"], found.measures["kl_reverse"]
    if kl is None or reverse is None:
        return _infinite(kl, reverse, found.why_none)
    if max(kl, reverse) < ALIKE_NATS:
        return "Both directions of the divergence are 0: the two distributions are the same."
    said = (
        f"D(current ‖ reference) = {kl:.3g} nats is how much, on average, the current samples surprise "
        f"whoever expects the reference; D(reference ‖ current) = {reverse:.3g} nats is the same the other "
        "way round."
    )
    return f"{said} {_example(found.parts)}".strip()


def _infinite(kl: float | None, reverse: float | None, why_none: Mapping[str, str]) -> str:
    directions = (
        ("D(current ‖ reference)", kl, why_none.get("kl", "")),
        ("D(reference ‖ current)", reverse, why_none.get("kl_reverse", "")),
    )
    told = [
        f"{name} = {value:.3g} nats." if value is not None else f"{name} is not finite. {why}"
        for name, value, why in directions
    ]
    return " ".join([*told, "What never happens in the second distribution is an infinite surprise there."])


def _example(parts: Sequence[Part]) -> str:
    """The bin that counts most, with both of its terms."""
    counted = [part for part in parts if part.current_ratio > 0 and part.reference_ratio > 0]
    if not counted:
        return ""
    part = max(counted, key=lambda one: abs(one.nats))
    p, q = part.current_ratio, part.reference_ratio
    return (
        f"{_percent(p)} of the current and {_percent(q)} of the reference samples are {place(part)}: "
        f"that counts {_term(p, q)} nats in the first direction and {_term(q, p)} in the second, because "
        "each difference is weighted by the share in the distribution named first."
    )


def _term(p: float, q: float) -> str:
    return f"{p:.3g}·ln({p:.3g}/{q:.3g}) = {p * log(p / q):.3g}"


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.3g} %"


def place(part: Part) -> str:
    """A bin or category as people write it.

    Parameters
    ----------
    part : Part
    """
    if part.name:
        return repr(part.name)
    if part.lower is None:
        return "everything" if part.upper is None else f"below {part.upper:.4g}"
    return f"{part.lower:.4g} and above" if part.upper is None else f"{part.lower:.4g} to {part.upper:.4g}"
