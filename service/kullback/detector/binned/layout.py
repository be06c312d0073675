"""What is kept of one binned stream, as one record.

A sample is a vector of shares over the stream's bins that sums to 1, so one interval of a histogram is one
unit whatever the number of its observations. The newest 16 units are kept one by one, older ones as sums of
16; a block that is 16 blocks old leaves for the reference, which fades so that it stands for at most
`REFERENCE_UNITS`.
"""

from __future__ import annotations

import numpy as np

from kullback.core.runs import NEWEST_RUN, OLDER_RUNS
from kullback.detector.layout import BLOCKS, RECENT

BINS = 64
"""The last bin in use is open above; of categories bin 0 is "new or other"."""
UNITS = 16
GAP_BLOCKS = 16
WINDOWS = (4, 16, 64, 256)
KINDS = 2
CATEGORICAL, ORDERED = range(KINDS)
REFERENCE_UNITS = 1024.0
FIRST_UNITS = 64
"""Units that make the first reference; the line is drawn with them, too."""

RECORD = np.dtype(
    [
        ("last_ms", "i8"),
        ("first_ms", "i8"),
        ("onset_ms", "i8"),
        ("started_ms", "i8"),
        ("samples", "i8"),
        ("anomalies", "i8"),
        ("observations", "f8"),
        ("interval_ms", "f8"),
        ("samples_per_alarm", "f8"),
        ("reference_units", "f8"),
        ("score", "f8"),
        ("divergence_nats", "f8"),
        ("line_nats", "f8"),
        ("block_nats", "f8"),
        ("recent_head", "i4"),
        *NEWEST_RUN,
        ("head", "i4"),
        ("block_head", "i4"),
        ("blocks_held", "i4"),
        ("units", "i4"),
        ("learnt", "i4"),
        ("bins", "i4"),
        ("line_fill", "i4"),
        ("line_blocks", "i4"),
        ("firing_samples", "i4"),
        ("calm_samples", "i4"),
        ("leader", "i2"),
        ("open", "u1"),
        ("episode", "u1"),
        ("recent_ms", "i8", (RECENT,)),
        *OLDER_RUNS,
        ("bounds", "f8", (BINS - 1,)),
        ("reference", "f8", (BINS,)),
        ("newest", "f4", (UNITS, BINS)),
        ("blocks", "f4", (GAP_BLOCKS, BINS)),
        ("struck", "u1", (GAP_BLOCKS,)),
        ("mean", "f8", (len(WINDOWS), KINDS)),
        ("square", "f8", (len(WINDOWS), KINDS)),
        ("maxima", "f4", (BLOCKS,)),
        # the plan
        ("feedback", "f8"),
        ("budget_alarms", "f8"),
        ("budget_span", "f8"),
        ("fixed_nats", "f8"),
        ("effect_absolute", "f8"),
        ("effect_relative", "f8"),
        ("out_of_order_ms", "i8"),
        ("fixed_window", "i4"),
        ("rebaseline_after", "i4"),
        ("direction", "u1"),
        ("fleet", "u1"),
        ("any_order", "u1"),
        ("ordered", "u1"),
    ],
    align=True,
)
