"""What a batch says to each form of stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kullback.core.batch import Batch
from kullback.engine.categories import Categories
from kullback.engine.differences import ABSORB, BUCKET, WHOLE
from kullback.engine.families import NO_BOUND
from kullback.engine.forms import Form
from kullback.engine.histograms import Parts
from kullback.engine.streams import StreamTable


@dataclass(frozen=True, slots=True)
class Readings:
    """A batch with what its rows mean beyond their numbers.

    Parameters
    ----------
    batch : Batch
    parts : Parts or None
        None when no row is part of a classic histogram.
    codes : int32 array, shape (n,), or None
        Category code of each row, 0 where the stream is not one of categories; None when none is.
    """

    batch: Batch
    parts: Parts | None = None
    codes: NDArray[np.int32] | None = None


def read_batch(
    batch: Batch,
    numbers: NDArray[np.int32],
    forms: NDArray[np.uint8],
    table: StreamTable,
    categories: Categories,
) -> Readings:
    """Find out what the rows of a batch mean.

    Parameters
    ----------
    batch : Batch
    numbers : int32 array, shape (series,)
        Stream of each of the batch's series.
    forms : uint8 array, shape (series,)
        `Form` of those streams.
    table : StreamTable
    categories : Categories
        Gives new names their codes.
    """
    parts = _parts(batch, table) if (forms == Form.HISTOGRAM).any() else None
    categorical = forms == Form.CATEGORY
    codes = _codes(batch, numbers, categorical, categories) if categorical.any() else None
    return Readings(batch, parts, codes)


def _parts(batch: Batch, table: StreamTable) -> Parts | None:
    bound = table.part_bounds(batch.series)
    is_part = ~np.isnan(bound)
    if not is_part.any():
        return None
    part = np.where(is_part, np.where(bound == NO_BOUND, ABSORB, BUCKET), WHOLE).astype(np.uint8)
    return Parts(part[batch.stream_index], bound[batch.stream_index])


def _codes(
    batch: Batch, numbers: NDArray[np.int32], categorical: NDArray[np.bool_], categories: Categories
) -> NDArray[np.int32]:
    rows = np.flatnonzero(categorical[batch.stream_index])
    category = np.nan_to_num(batch.value[rows], nan=-1, posinf=-1, neginf=-1).astype(np.int64)
    codes = np.zeros(len(batch), np.int32)
    codes[rows] = categories.codes(numbers[batch.stream_index[rows]], category, batch.categories)
    return codes
