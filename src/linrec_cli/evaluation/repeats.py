"""Golds that their user had before, and what that means for the items of a history: take them out, or rank them.

With the history removed and the gold kept, a repeated gold would be the only item of the history that is left, and any
model that prefers what was seen before would put it first.
"""

import torch
from torch import Tensor

from linrec_cli.data.parts import Parts, Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.data.shapes import spans
from linrec_cli.settings import AUTO, LEAST_REPEATED

CHUNK = 2**14
"""Targets looked at together."""


def repeated(sequences: Sequences, targets: Targets) -> Tensor:
    """Tell of each target, `[N]`, whether its user had its item before."""
    found = targets.place.new_zeros(len(targets.place), dtype=torch.bool)
    begin = sequences.offsets[targets.user]
    for rows in torch.arange(len(found), device=found.device).split(CHUNK):
        row, place = spans(begin[rows], targets.place[rows] - begin[rows])
        same = sequences.flat[place] == sequences.flat[targets.place[rows]][row]
        found[rows[row[same]]] = True
    return found


def share(sequences: Sequences, parts: Parts) -> float:
    """Measure how many of all golds, validated and tested, repeat."""
    found = [repeated(sequences, parts.targets(stage)) for stage in ("valid", "test")]
    count = sum(map(len, found))
    return sum(int(one.sum()) for one in found) / count if count else 0.0


def rule(seen: str, sequences: Sequences, parts: Parts) -> str:
    """Decide what `auto` is: `remove` the items of the history, or `rank` them where golds repeat."""
    if seen != AUTO:
        return seen
    return "rank" if share(sequences, parts) >= LEAST_REPEATED else "remove"
