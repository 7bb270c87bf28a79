"""As the files are split: those given as --valid and --test are validated and tested, all others trained on."""

import torch

from linrec_cli.data.parts import TEST, TRAIN, VALID, Parts, Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.errors import DataError


def split(sequences: Sequences) -> Parts:
    """Hold out what was; an event with none before it is no target, for there is nothing to predict it from.

    The history of a test event includes the validation events.

    Raises:
        DataError: the data came in one piece.
    """
    if sequences.part is None:
        raise DataError("these data are not split already; give --valid FILE and --test FILE, or take another --split.")
    begin = sequences.offsets[:-1]
    user = torch.arange(len(begin), device=begin.device).repeat_interleave(sequences.lengths)
    trained = torch.zeros_like(begin).index_add_(0, user, (sequences.part == TRAIN).to(begin.dtype))
    place = torch.arange(len(user), device=begin.device)

    def targets(part: int) -> Targets:
        held = place[(sequences.part == part) & (place > begin[user])]
        return Targets(held, user[held])

    return Parts(begin + trained, targets(VALID), targets(TEST))
