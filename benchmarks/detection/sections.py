"""Each section runs its detectors and becomes a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from rich.progress import Progress

from benchmarks import long_budgets
from benchmarks.detection import bursts, delays, false_alarms, life, mixed, nab, servers
from benchmarks.detection.changes import CHANGES, Change
from benchmarks.detection.incidents import Sweep
from benchmarks.detection.keep import Keep
from benchmarks.detection.kullback import KullbackAlerts
from benchmarks.detection.nulls import NULLS, Family
from benchmarks.detection.sizes import QUICK_SHARE, Sizes
from benchmarks.detection.table import Section, Table
from benchmarks.detection.watch import Detector, PeerDetector
from benchmarks.peers import DUMMIES, PEERS

SLOW_US = 10.0
SLOW_STREAMS = 8
LIFE_PEERS = ("DSPOT", "windowed Gaussian", "ADWIN")


def others(slow: bool = True) -> list[Detector]:
    """Peers and dummies.

    Parameters
    ----------
    slow : bool
        Whether those that take more than 10 microseconds a sample come along.
    """
    return [PeerDetector(p) for p in (*PEERS, *DUMMIES) if slow or p.cost_us < SLOW_US]


def fewer(sizes: Sizes) -> Sizes:
    """What other detectors get where each cell needs many streams: as in a quick run."""
    return Sizes(min(sizes.share, QUICK_SHARE), sizes.seed)


def false_alarm_section(
    ours: Detector, peers: bool, sizes: Sizes, families: list[Family], keep: Keep, progress: Progress
) -> Section:
    """(a): ratios of all families at all budgets; peers at one."""
    jobs = [(family, n) for family in families for n in false_alarms.BUDGETS]
    measured = {}
    for family, n in progress.track(jobs, description="false alarms: Kullback"):
        streams = sizes.streams(false_alarms.STREAMS[n])
        measured[family.name, n] = false_alarms.measure(
            ours, family, n, streams, false_alarms.SAMPLES, sizes.seed
        )
    return false_alarms.section(measured, _peer_ratios(sizes, families, keep, progress) if peers else None)


def _peer_ratios(sizes: Sizes, families: list[Family], keep: Keep, progress: Progress) -> Table:
    samples, n = false_alarms.SAMPLES, false_alarms.PEER_BUDGET
    ratios: dict[str, dict[str, false_alarms.Ratio]] = {}
    listed = others(slow=False)
    streams = {d.name: false_alarms.peer_streams(d, samples) for d in listed}
    for detector in progress.track(listed, description="false alarms: everyone"):
        ratios[detector.name] = {
            family.name: keep.result(
                f"false_alarms-{family.name.replace('/', ' ')}",
                detector,
                fewer(sizes),
                lambda d=detector, f=family: false_alarms.measure(  # type: ignore[misc]
                    d, f, n, streams[d.name], samples, sizes.seed
                )["steady"],
            )
            for family in families
        }
    return false_alarms.peer_table(ratios, streams, {p.name: p.line for p in (*PEERS, *DUMMIES)})


def long_section(
    ours: Detector, sizes: Sizes, families: list[Family], budgets: Iterable[int], progress: Progress
) -> Section:
    """(a) again: budgets that take a night to check."""
    task = progress.add_task("long budgets", total=1.0)
    measured = long_budgets.measure(
        ours,
        families,
        budgets,
        sizes.share,
        sizes.seed,
        lambda done: progress.update(task, completed=done),
    )
    return long_budgets.section(measured)


def delay_section(ours: Detector, peers: bool, sizes: Sizes, keep: Keep, progress: Progress) -> Section:
    """(b): delays at the matched false-alarm rate."""
    results, thresholds = {}, {}
    for detector in progress.track([ours, *(others() if peers else [])], description="delays"):
        results[detector.name], thresholds[detector.name] = keep.result(
            "delays",
            detector,
            fewer(sizes),
            lambda d=detector: _delays(d, d is not ours, sizes if d is ours else fewer(sizes)),  # type: ignore[misc]
        )
    tables = [delays.product_table(results[ours.name], thresholds[ours.name], CHANGES)]
    if peers:
        tables.append(delays.everyone_table(results, CHANGES))
    figure = [
        {"detector": name, "change": change, "median": d.median, "found": d.found, "late": d.late}
        for name, row in results.items()
        for change, d in row.items()
    ]
    return Section("delays", "How soon is a change found?", tables, {"delays": figure})


def _delays(detector: Detector, peer: bool, sizes: Sizes) -> tuple[dict[str, delays.Delay], dict[str, float]]:
    lead = delays.lead_of(detector, peer)
    streams = sizes.streams(delays.STREAMS) if detector.cost_us < SLOW_US else SLOW_STREAMS
    thresholds: dict[str, float] = {}
    found = {}
    for change in CHANGES:
        if change.background not in thresholds:
            score = delays.null_scores(detector, change, streams, lead, sizes.seed)
            thresholds[change.background] = delays.matched_threshold(score, delays.RUN_LENGTH)
        found[change.name] = _delay(detector, change, streams, lead, thresholds[change.background], sizes)
    return found, thresholds


def _delay(
    detector: Detector, change: Change, streams: int, lead: int, threshold: float, sizes: Sizes
) -> delays.Delay:
    score = delays.changed_scores(detector, change, streams, lead, sizes.seed)
    return delays.delay(score, threshold, lead, change.within)


def nab_section(
    ours: Detector, peers: bool, sizes: Sizes, root: Path, keep: Keep, progress: Progress
) -> Section:
    """(c): the Numenta Anomaly Benchmark."""
    files = nab.load(root)
    scored = {
        detector.name: keep.result(
            "nab",
            detector,
            sizes,
            lambda d=detector: nab.points(files, nab.watch(d, files), sizes.seed),  # type: ignore[misc]
        )
        for detector in progress.track([ours, *(others(slow=False) if peers else [])], description="NAB")
    }
    alerts = KullbackAlerts()
    scored[alerts.name] = nab.points(files, nab.watch(alerts, files), sizes.seed)
    if peers:
        every = np.arange(max(len(file.values) for file in files)) % 500 == 0
        steady = {file.name: every[: len(file.values)].astype(np.float64) for file in files}
        scored["dummy: alarm every 500 rows"] = nab.points(files, steady, sizes.seed)
    return Section("nab", "Numenta Anomaly Benchmark", [nab.table(scored)])


def server_section(
    ours: Detector, peers: bool, sizes: Sizes, root: Path, keep: Keep, progress: Progress
) -> Section:
    """(d): labelled incidents of servers."""
    tables, facts = [], []
    for estate in servers.load(root):
        findings = {}
        for detector in progress.track([ours, *(others() if peers else [])], description=estate.name):
            part = servers.first_metrics(estate, 3) if detector.cost_us > 10 * SLOW_US else estate
            findings[detector.name] = keep.result(
                f"servers-{estate.name}",
                detector,
                sizes,
                lambda d=detector, e=part: servers.evaluate(e, servers.watch(d, e)),  # type: ignore[misc]
            )
        alerts = KullbackAlerts()
        findings[alerts.name] = servers.evaluate(estate, servers.watch(alerts, estate))
        notes = {d.name: "3 metrics per server only: slow" for d in others() if d.cost_us > 10 * SLOW_US}
        tables.append(servers.table(estate, findings, notes))
        facts += [
            {"detector": name, "rate": np.sort(curve.false_alarms), "recall": _envelope(curve)}
            for name, got in findings.items()
            for _, curve in [got.best()]
        ]
    return Section("servers", "Incidents of real servers", tables, {"curves": facts})


def _envelope(curve: Sweep) -> list[float]:
    return [curve.recall_at(rate) for rate in np.sort(curve.false_alarms)]


def burst_section(ours: Detector, peers: bool, sizes: Sizes, keep: Keep, progress: Progress) -> Section:
    """(d): short bursts on four kinds of background."""
    streams = sizes.streams(bursts.STREAMS)
    scenes = {name: bursts.scene(name, streams, sizes.seed) for name in bursts.BACKGROUNDS}
    caught = {
        detector.name: keep.result(
            "bursts",
            detector,
            sizes,
            lambda d=detector: {name: bursts.catch(d, drawn) for name, drawn in scenes.items()},  # type: ignore[misc]
        )
        for detector in progress.track([ours, *(others(slow=False) if peers else [])], description="bursts")
    }
    figure = [
        {"detector": name, "background": background, "recall": c.curve.recall_at(1.0)}
        for name, row in caught.items()
        for background, c in row.items()
    ]
    return Section("bursts", "Short bursts", [bursts.table(caught)], {"recalls": figure})


def mixed_section(ours: Detector, peers: bool, sizes: Sizes, keep: Keep, progress: Progress) -> Section:
    """(d): incidents of many kinds on streams of many kinds."""
    drawn = mixed.scene(sizes.streams(mixed.STREAMS), sizes.seed)
    chosen = [ours, KullbackAlerts(), *(others(slow=False) if peers else [])]
    caught = {
        detector.name: keep.result("mixed", detector, sizes, lambda d=detector: mixed.catch(d, drawn))  # type: ignore[misc]
        for detector in progress.track(chosen, description="streams of many kinds")
    }
    curves = [
        {"detector": name, "rate": np.sort(c.curve.false_alarms), "recall": _envelope(c.curve)}
        for name, c in caught.items()
    ]
    return Section("mixed", "Streams of many kinds", [mixed.table(caught, drawn)], {"curves": curves})


def life_section(ours: Detector, peers: bool, sizes: Sizes, keep: Keep, progress: Progress) -> Section:
    """One incident, one alert."""
    chosen = [d for d in others() if d.dummy or d.name in LIFE_PEERS] if peers else []
    streams = sizes.streams(life.STREAMS)
    courses = {
        detector.name: keep.result(
            "life",
            detector,
            sizes,
            lambda d=detector: {i.name: life.run(d, i, streams, sizes.seed) for i in life.INCIDENTS},  # type: ignore[misc]
        )
        for detector in progress.track([ours, *chosen], description="life of an alarm")
    }
    return Section("life", "The life of an alarm", [life.table(courses)])


Run = Callable[[Progress], Section]


def sections(
    ours: Detector,
    peers: bool,
    sizes: Sizes,
    roots: dict[str, Path | None],
    families: list[str],
    budgets: list[int],
    keep: Keep,
) -> dict[str, Run]:
    """What can be run with the data at hand.

    Parameters
    ----------
    ours : Detector
    peers : bool
    sizes : Sizes
    roots : dict
        Folders of `nab` and `servers`; None where they are not there.
    families : list of str
        Null families to run; empty for all.
    budgets : list of int
        Long budgets to run; empty for all.
    keep : Keep
    """
    chosen = [family for family in NULLS if not families or family.name in families]
    runs: dict[str, Run] = {
        "delays": lambda p: delay_section(ours, peers, sizes, keep, p),
        "life": lambda p: life_section(ours, peers, sizes, keep, p),
        "bursts": lambda p: burst_section(ours, peers, sizes, keep, p),
        "mixed": lambda p: mixed_section(ours, peers, sizes, keep, p),
    }
    if root := roots.get("servers"):
        runs["servers"] = lambda p: server_section(ours, peers, sizes, root, keep, p)
    if corpus := roots.get("nab"):
        runs["nab"] = lambda p: nab_section(ours, peers, sizes, corpus, keep, p)
    runs["false_alarms"] = lambda p: false_alarm_section(ours, peers, sizes, chosen, keep, p)
    few = [family for family in NULLS if family.name in (families or long_budgets.FAMILIES)]
    rare = budgets or list(long_budgets.STEADY_SAMPLES)
    runs["long_budgets"] = lambda p: long_section(ours, sizes, few, rare, p)
    return runs
