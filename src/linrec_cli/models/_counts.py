"""Counts over the training parts of histories."""

import torch
from torch import Tensor

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.data.shapes import spans


def trained(sequences: Sequences, parts: Parts) -> tuple[Tensor, Tensor]:
    """List the events that are trained on: the user's row and the place of each, in order."""
    begin = sequences.offsets[:-1]
    return spans(begin, parts.train - begin)


def popularity(sequences: Sequences, parts: Parts) -> Tensor:
    """Count each item `1..I` in the training part of all histories, `[I]`."""
    _, place = trained(sequences, parts)
    return torch.bincount(sequences.flat[place] - 1, minlength=sequences.count)
