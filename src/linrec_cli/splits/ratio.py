"""Ratio: the first share of each history is trained on, the next validated, the rest tested."""

from typing import Annotated

import torch

from linrec_cli.catalog import Range
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import UsageError
from linrec_cli.splits._held_out import held_out


def split(
    sequences: Sequences,
    train: Annotated[float, Range(1e-3, 0.999)] = 0.8,
    valid: Annotated[float, Range(1e-3, 0.999)] = 0.1,
    targets: str = "all",
) -> Parts:
    """Cut each history at the same shares of its own length, rounded down.

    Args:
        train: share of a history that is trained on.
        valid: share that is validated; what is left is tested.
        targets: predict `all` events of a part, each from all before it, or only the `last`.

    Raises:
        UsageError: the shares leave nothing to test, or `targets` is unknown.
        DataError: a part is empty.
    """
    if train + valid >= 1:
        raise UsageError(f"train={train} and valid={valid} must leave a share to test.")
    begin, lengths = sequences.offsets[:-1], sequences.lengths
    # A hair more, or .7 + .1 of ten events would be seven.
    first, second = (begin + torch.floor(lengths.double() * share + 1e-9).long() for share in (train, train + valid))
    return Parts(
        first, held_out(sequences, first, second, targets), held_out(sequences, second, sequences.offsets[1:], targets)
    )
