"""Models that are counted, against counts made one event at a time."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch

from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Parts, Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.models import markov, popular
from linrec_cli.models._counts import popularity
from linrec_cli.models._recommender import Facts

Made = Callable[..., Batch]
SIZE = {"width": 1, "heads": 1, "layers": 1, "dropout": 0.0}


def histories(sequences: Sequences, parts: Parts) -> list[list[int]]:
    ends = zip(sequences.offsets[:-1].tolist(), parts.train.tolist(), strict=True)
    return [sequences.flat[begin:end].tolist() for begin, end in ends]


@pytest.fixture
def counts(sequences: Sequences, parts: Parts) -> Counter[int]:
    return Counter(item for history in histories(sequences, parts) for item in history)


def test_popularity_counts_the_training_part_alone(sequences: Sequences, parts: Parts, counts: Counter[int]) -> None:
    assert popularity(sequences, parts).tolist() == [counts[item] for item in range(1, 31)]


def test_the_most_popular_item_comes_first_for_everybody(
    sequences: Sequences, parts: Parts, counts: Counter[int], batch: Made
) -> None:
    model = popular.Model(Facts(30), 5, "", **SIZE)
    model.count(sequences, parts)
    scores = model.scores(model.query(batch([1, 2], [9])))
    assert scores.tolist() == [[counts[item] for item in range(1, 31)]] * 2


def test_what_followed_the_last_item_most_often_comes_first_and_popularity_breaks_ties(
    sequences: Sequences, parts: Parts, counts: Counter[int], batch: Made
) -> None:
    pairs = Counter(pair for history in histories(sequences, parts) for pair in pairwise(history))
    model = markov.Model(Facts(30), 5, "", **SIZE)
    model.count(sequences, parts)
    most = max(counts.values())
    found = model.scores(model.query(batch([4, 7], [11])))
    for last, row in zip((7, 11), found.tolist(), strict=True):
        expected = [pairs[last, item] + counts[item] / (most + 1) for item in range(1, 31)]
        assert row == pytest.approx(expected)


def test_no_pair_reaches_from_one_user_to_the_next(batch: Made) -> None:
    sequences = Sequences(torch.tensor([1, 2, 3, 1]), torch.tensor([0, 2, 4]), 3, torch.arange(2))
    none = Targets(torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long))
    model = markov.Model(Facts(3), 5, "", **SIZE)
    model.count(sequences, Parts(torch.tensor([2, 4]), none, none))
    assert (model.scores(model.query(batch([2])))[0] < 1).all()
