"""Metrics of recommended lists against plain counts, closed forms and numbers worked by hand."""

import math
from collections import Counter

import pytest
import torch
from torch import Tensor

from linrec_cli import catalog
from linrec_cli.data.parts import Parts, Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.evaluation.summary import of_lists
from linrec_cli.metrics._trained import Trained, count

NAMES = [name for name in catalog.names("metrics") if of_lists(name)]
ITEMS = 12


def over(metric: str, lists: Tensor, trained: Trained) -> Tensor:
    found: Tensor = catalog.load("metrics", metric).over(lists, trained)
    return found


@pytest.fixture
def trained() -> Trained:
    """Counts of twelve items; the first has every user, the last nobody."""
    users = torch.tensor([16, 8, 8, 4, 4, 4, 2, 2, 1, 1, 1, 0])
    return Trained(users * torch.tensor([3, 1] * 6), users, 16)


@pytest.fixture
def lists() -> Tensor:
    """Forty lists of up to five of ten items, some shorter."""
    generator = torch.Generator().manual_seed(3)
    made = torch.stack([torch.randperm(ITEMS - 2, generator=generator)[:5] + 2 for _ in range(40)])
    made[::7, 3:] = 0
    return made


def brute(metric: str, lists: list[list[int]], trained: Trained) -> float | list[float]:
    """Compute a metric from its definition, an item at a time."""
    events, users = trained.events.tolist(), trained.users.tolist()
    rows = [[item for item in row if item] for row in lists]
    often = Counter(item for row in rows for item in row)
    match metric:
        case "coverage":
            return len(often) / len(events)
        case "gini":
            # Half the mean difference of any two items, over their mean.
            every = [often[item] for item in range(1, len(events) + 1)]
            apart = sum(abs(a - b) for a in every for b in every) / len(every) ** 2
            return apart / 2 / (sum(every) / len(every))
        case "arp":
            return [sum(events[item - 1] for item in row) / len(row) for row in rows]
        case "popularity-bias":
            flat = [n for n in events for _ in range(n)]
            usual = sum(flat) / len(flat)
            return [sum(events[item - 1] for item in row) / len(row) / usual for row in rows]
        case "novelty":
            bits = [-math.log2(max(n, 1) / trained.people) for n in users]
            return [sum(bits[item - 1] for item in row) / len(row) for row in rows]
    raise AssertionError(f"{metric} has no plain twin; write one.")


@pytest.mark.parametrize("name", NAMES)
def test_a_metric_of_lists_equals_its_definition_and_stays_in_its_range(
    name: str, lists: Tensor, trained: Trained
) -> None:
    found, wanted = over(name, lists, trained), brute(name, lists.tolist(), trained)
    assert found.tolist() == pytest.approx(wanted)
    assert found.dtype == torch.float64
    low, high = catalog.load("metrics", name).RANGE
    assert (found >= low).all()
    assert (found <= high).all()
    assert catalog.load("metrics", name).ASKED


@pytest.mark.parametrize("k", [1, 3, 12])
def test_where_everybody_gets_the_same_coverage_and_gini_have_closed_forms(k: int, trained: Trained) -> None:
    same = torch.arange(1, k + 1).repeat(9, 1)
    assert float(over("coverage", same, trained)) == pytest.approx(k / ITEMS)
    assert float(over("gini", same, trained)) == pytest.approx(1 - k / ITEMS)


def test_where_every_item_is_recommended_as_often_gini_is_0_and_coverage_1(trained: Trained) -> None:
    even = (torch.arange(ITEMS)[:, None] + torch.arange(4)) % ITEMS + 1
    assert float(over("gini", even, trained)) == pytest.approx(0.0, abs=1e-12)
    assert float(over("coverage", even, trained)) == 1.0


def test_gini_worked_by_hand() -> None:
    # Of three items none, one and three times: (-2 * 0 + 0 * 1 + 2 * 3) / (3 * 4).
    trained = Trained(torch.ones(3), torch.ones(3), 1)
    assert float(over("gini", torch.tensor([[1], [3], [3], [3]]), trained)) == pytest.approx(6 / 12)


def test_popularity_and_novelty_worked_by_hand() -> None:
    # Four events of one item and two of another: a training event has (4 * 4 + 2 * 2) / 6 events on average.
    trained = Trained(torch.tensor([4, 2, 0]), torch.tensor([4, 1, 0]), 4)
    lists = torch.tensor([[1, 2], [2, 3], [1, 0]])
    assert over("arp", lists, trained).tolist() == pytest.approx([3, 1, 4])
    assert over("popularity-bias", lists, trained).tolist() == pytest.approx([0.9, 0.3, 1.2])
    # Everybody has the first item: 0 bits; one in four the second: 2; the third counts as one in four, too.
    assert over("novelty", lists, trained).tolist() == pytest.approx([1, 2, 0])


def test_lists_as_popular_as_what_was_trained_on_have_no_popularity_bias(trained: Trained) -> None:
    drawn = torch.arange(1, ITEMS + 1).repeat_interleave(trained.events)[:, None]
    assert float(over("popularity-bias", drawn, trained).mean()) == pytest.approx(1.0)


def test_a_list_without_items_has_no_value_and_no_weight(trained: Trained) -> None:
    lists = torch.tensor([[1, 2], [0, 0]])
    assert over("arp", lists, trained).isnan().tolist() == [False, True]
    for name in ("coverage", "gini"):
        assert over(name, lists, trained) == over(name, lists[:1], trained)


def test_items_are_counted_in_the_training_part_alone_and_a_user_once(sequences: Sequences, parts: Parts) -> None:
    # A user who has no training part is none of those who could know an item.
    train = parts.train.clone()
    train[3] = sequences.offsets[3]
    found = count(sequences, Parts(train, parts.valid, parts.test))
    starts = sequences.offsets.tolist()
    histories = [sequences.flat[start:end].tolist() for start, end in zip(starts, train.tolist(), strict=False)]
    events = Counter(item for history in histories for item in history)
    users = Counter(item for history in histories for item in set(history))
    items = range(1, sequences.count + 1)
    assert found.events.tolist() == [events[item] for item in items]
    assert found.users.tolist() == [users[item] for item in items]
    assert found.people == sum(map(bool, histories)) == 59
    assert found.users.tolist() != found.events.tolist()


def test_items_that_nobody_has_are_counted_too() -> None:
    sequences = Sequences(torch.tensor([2, 2, 5, 1, 2, 3]), torch.tensor([0, 3, 6]), 5, torch.tensor([1, 2]))
    none = Targets(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    found = count(sequences, Parts(torch.tensor([2, 5]), none, none))
    assert (found.events.tolist(), found.users.tolist(), found.people) == ([1, 3, 0, 0, 0], [1, 2, 0, 0, 0], 2)
