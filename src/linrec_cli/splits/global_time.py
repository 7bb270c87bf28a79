"""Global time: all that happened before one moment is trained on, what comes after is validated, then tested."""

from typing import Annotated

import torch
from torch import Tensor

from linrec_cli.catalog import Range
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.data.shapes import spans
from linrec_cli.errors import DataError
from linrec_cli.splits._held_out import held_out

READS = ("times",)
"""What of the events, beside items in their order, decides who is trained on."""


def split(
    sequences: Sequences,
    quantile: Annotated[float, Range(1e-3, 0.999)] = 0.9,
    valid: Annotated[float, Range(1e-3, 0.999)] = 0.9,
    targets: str = "last",
) -> Parts:
    """Cut all histories at the same two moments, so that nothing is learned from the future of a test event.

    Args:
        quantile: share of all events that come before the test's moment.
        valid: of those, share that comes before validation's moment.
        targets: predict the `last` event of each user in a part, or `all` of them, each from all before it.

    A user with no event in a part has no target there; a first event has no history and is none either. An event at
    the very moment belongs to the later part.

    Raises:
        UsageError: `targets` is unknown.
        DataError: the data have no times, or a history falls in time; or a part is empty.
    """
    if sequences.times is None:
        raise DataError("the data have no times, only an order for each user; use --split leave-one-out or ratio.")
    ascending(sequences, sequences.times)
    ordered = sequences.times.sort().values
    late, early = (ordered[int(len(ordered) * share)] for share in (quantile, quantile * valid))
    first, second = (before(sequences, sequences.times, moment) for moment in (early, late))
    ends = sequences.offsets[1:]
    return Parts(first, held_out(sequences, first, second, targets), held_out(sequences, second, ends, targets))


def ascending(sequences: Sequences, times: Tensor) -> None:
    """Make sure that no history goes back in time, as one of files that come split may.

    Raises:
        DataError: one does.
    """
    row, place = spans(sequences.offsets[:-1], sequences.lengths)
    falls = (times[place].diff() < 0) & (row.diff() == 0)
    if falls.any():
        raise DataError(f"{int(row[1:][falls].unique().numel()):,} histories go back in time; use --split given.")


def before(sequences: Sequences, times: Tensor, moment: Tensor) -> Tensor:
    """Find where each user's events reach the moment, `[U]`."""
    begin = sequences.offsets[:-1]
    row, place = spans(begin, sequences.lengths)
    return begin + torch.zeros_like(begin).index_add_(0, row, (times[place] < moment).long())
