"""Other detectors, each stated from its publication and run beside ours on the same streams."""

from __future__ import annotations

from benchmarks.peers import charts, deviation, drift, dspot, dummies, textbook
from benchmarks.peers.peer import Feed, Peer, Values

__all__ = ["DUMMIES", "PEERS", "Feed", "Peer", "Values"]

BUDGET_LINE = "the budget"

PEERS = (
    Peer("DSPOT", BUDGET_LINE, "Siffer et al., KDD 2017", dspot.dspot),
    Peer("windowed Gaussian", BUDGET_LINE, "Lavin and Ahmad, ICMLA 2015 (NAB)", deviation.windowed_gaussian),
    Peer("|difference|/MAD", BUDGET_LINE, "Iglewicz and Hoaglin 1993", deviation.difference_mad),
    Peer("|x-median|/MAD", BUDGET_LINE, "Iglewicz and Hoaglin 1993", deviation.mad),
    Peer("seasonal z-score", BUDGET_LINE, "practice", deviation.seasonal_z),
    Peer("mean ± 3 sigma of a day", "3 sigma", "practice in PromQL", deviation.adaptive_mean),
    Peer("CUSUM", BUDGET_LINE, "Page 1954, Siegmund 1985", charts.cusum),
    Peer("EWMA", BUDGET_LINE, "Roberts 1959", charts.ewma),
    Peer("PageHinkley", "default 50", "Mouss et al. 2004; river's defaults", charts.page_hinkley),
    Peer("textbook KL", "0.1 nats", "50 against 500 samples, 20 bins", textbook.textbook_kl, 3.0),
    Peer("ADWIN", "default 0.002", "Bifet and Gavalda, SDM 2007; river", drift.adwin, 2.0),
    Peer("KSWIN", "default 0.005", "Raab et al. 2020; river", drift.kswin, 200.0),
    Peer("HalfSpaceTrees", "0.995", "Tan et al., IJCAI 2011; river", drift.half_space_trees, 20.0),
)

DUMMIES = (
    Peer("dummy: alarm every N samples", "always", "none", dummies.every, dummy=True),
    Peer("dummy: random", BUDGET_LINE, "none", dummies.random, dummy=True),
)
