"""Whether a split leaves anything to train on, to choose by, and to test."""

import torch

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError


def check(sequences: Sequences, parts: Parts, *, counted: bool = False) -> None:
    """Refuse data of which nothing is left for a part.

    Args:
        counted: whether the model is counted and not trained: then an event alone is enough.

    Raises:
        DataError: there is nothing.
    """
    events = parts.train - sequences.offsets[:-1]
    trained = int((events if counted else (events - 1).clamp(min=0)).sum())
    longest = int(torch.cat([sequences.lengths, sequences.lengths.new_zeros(1)]).max())
    for lacking, what in ((not len(parts.valid), "validate"), (not len(parts.test), "test"), (not trained, "train on")):
        if lacking:
            raise DataError(
                f"nothing is left to {what}: the longest of {len(sequences.users):,} histories has {longest} events, "
                "and the split takes its own of them; give longer histories, lower --min-user and --min-item, or "
                "another --split."
            )
