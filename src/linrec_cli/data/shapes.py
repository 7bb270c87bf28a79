"""Group sequences of similar length, so that little of a batch is padding and few shapes occur."""

import torch
from torch import Tensor


def cut(order: Tensor, length: Tensor, tokens: int) -> list[Tensor]:
    """Split sequences into batches of at most `tokens` positions, padding included (at least one sequence each).

    Args:
        order: `[W]` numbers of the sequences, longest first.
        length: `[W]` positions of each sequence.
    """
    lengths, rows, first = length[order].tolist(), [], 0
    while first < len(lengths):
        size = max(1, tokens // rounded(lengths[first]))
        rows.append(order[first : first + size])
        first += size
    return rows


def rounded(length: int) -> int:
    """Round a length up to one of 16 shapes an octave."""
    step = max(1, 2 ** ((length - 1).bit_length() - 5))
    return -(-length // step) * step


def spans(start: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """List the places `start .. start + length - 1` of every row in turn.

    Returns:
        the row and the place of each entry, both `[sum of lengths]`.
    """
    row = torch.arange(len(length), device=length.device).repeat_interleave(length)
    first = length.cumsum(0) - length
    return row, start[row] + torch.arange(len(row), device=row.device) - first[row]
