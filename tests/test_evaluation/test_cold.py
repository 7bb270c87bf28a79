"""Cold items and users are counted as a plain look at the training part has it, and ranked like any other."""

from dataclasses import replace

import pytest
import torch

from linrec_cli import catalog
from linrec_cli.data.parts import Parts, Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.evaluation.cold import COLD, cold
from linrec_cli.evaluation.ranks import ranks
from linrec_cli.models._recommender import facts


@pytest.fixture
def timed() -> Sequences:
    """Ninety users who come one after the other and go on to ever new items."""
    generator = torch.Generator().manual_seed(4)
    items = [torch.randint(1 + user // 3, 11 + user // 3, (8,), generator=generator) for user in range(90)]
    times = [torch.arange(8) * 9 + user for user in range(90)]
    offsets = torch.arange(91) * 8
    return Sequences(torch.cat(items), offsets, 40, torch.arange(1, 91), torch.cat(times))


@pytest.mark.parametrize(
    "split", ["global-time:targets=all:quantile=0.6:valid=0.6", "ratio:train=0.3", "leave-one-out"]
)
@pytest.mark.parametrize("stage", ["valid", "test"])
def test_targets_and_users_that_training_knows_nothing_of_are_counted(timed: Sequences, split: str, stage: str) -> None:
    parts: Parts = catalog.bound("splits", split, "split")(timed)
    known: set[int] = set()
    without = set()
    for user, (start, end) in enumerate(zip(timed.offsets.tolist(), parts.train.tolist(), strict=False)):
        known |= {*timed.flat[start:end].tolist()}
        without |= {user} if start == end else set()
    targets = parts.targets(stage)
    items = sum(int(timed.flat[place]) not in known for place in targets.place.tolist())
    users = len(without & {*targets.user.tolist()})
    assert cold(timed, parts, stage) == {"cold_items": items, "cold_users": users}
    if split.startswith("global"):
        assert items > 0
        assert 0 < users < len(targets)
        # Targets count, not items.
        assert stage == "valid" or items > len({*timed.flat.tolist()} - known) > 0
    assert cold(timed, parts, stage).keys() == COLD.keys()


def test_a_cold_item_has_a_rank_like_any_other() -> None:
    # Item 4 stands in nobody's training part: by popularity it ties with 3, behind 1 and 2.
    flat = torch.tensor([1, 2, 1, 4, 2, 1, 2, 1])
    sequences = Sequences(flat, torch.tensor([0, 4, 8]), 4, torch.tensor([1, 2]))
    test = Targets(torch.tensor([3, 7]), torch.tensor([0, 1]))
    parts = Parts(torch.tensor([3, 7]), replace(test, place=test.place - 1), test)
    model = catalog.load("models", "popular").Model(facts(sequences), 9, "", width=4, heads=1, layers=1, dropout=0.0)
    model.count(sequences, parts)
    assert cold(sequences, parts, "test") == {"cold_items": 1, "cold_users": 0}
    assert ranks(model, sequences, test, 9, seen="rank").tolist() == [3.5, 1.5]
