"""Leave one out: of each user the last event is tested, the last but one validated, all before trained on."""

import torch

from linrec_cli.data.parts import Parts, Targets
from linrec_cli.data.sequences import Sequences


def split(sequences: Sequences) -> Parts:
    """Hold out two events a user; users with fewer than three are neither trained on nor tested.

    The history of a test event includes the validation event.
    """
    begin, end, whole = sequences.offsets[:-1], sequences.offsets[1:], sequences.lengths >= 3
    users, last = whole.nonzero()[:, 0], end[whole]
    return Parts(torch.where(whole, end - 2, begin), Targets(last - 2, users), Targets(last - 1, users))
