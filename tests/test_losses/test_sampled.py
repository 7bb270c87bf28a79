import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from linrec_cli.losses import sampled
from linrec_cli.losses._draw import Draw


class Fixed(Draw):
    """Draws what it is told to."""

    told: Tensor

    def weighted(self, number: int, power: float) -> Tensor:
        return self.told


def fixed(told: list[int], counts: list[int]) -> Draw:
    draw = Fixed(torch.tensor(counts))
    object.__setattr__(draw, "told", torch.tensor(told))
    return draw


def data() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    hidden, table = torch.randn(9, 4, generator=generator), torch.randn(7, 4, generator=generator)
    return hidden, table, torch.randint(1, 7, (9,), generator=generator)


def test_with_every_item_drawn_once_it_is_the_full_softmax() -> None:
    hidden, table, gold = data()
    full = cross_entropy(hidden @ table[1:].T, gold - 1)
    # Each was to be drawn once, so that there is nothing to correct.
    for logq in (True, False):
        found = sampled.loss(hidden, table, gold, fixed([1, 2, 3, 4, 5, 6], [1] * 6), negatives=6, logq=logq)
        torch.testing.assert_close(found, full)


def test_one_prediction_worked_by_hand() -> None:
    # Scores 1 of the gold, 2 of item 2, 5 of item 3. Of four draws 2 and 3 came, and the gold, which is left out.
    hidden, table = torch.tensor([[1.0]]), torch.tensor([[0.0], [1.0], [2.0], [5.0]])
    draw = fixed([2, 1, 3, 3], [3, 1, 1])
    plain = torch.tensor([1.0, 2.0, 5.0, 5.0])
    corrected = torch.tensor([1.0, *(score - math.log(4 / 5) for score in (2.0, 5.0, 5.0))])
    for logq, scores in ((False, plain), (True, corrected)):
        found = sampled.loss(hidden, table, torch.tensor([1]), draw, negatives=4, power=1.0, logq=logq)
        torch.testing.assert_close(found, scores.logsumexp(0) - scores[0])


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_the_correction_makes_any_negatives_estimate_the_full_softmax(power: float) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden, table = torch.randn(50, 4, generator=generator), torch.randn(201, 4, generator=generator)
    gold, draw = torch.randint(1, 201, (50,), generator=generator), Draw(torch.arange(1, 201))
    full = cross_entropy(hidden @ table[1:].T, gold - 1)
    torch.manual_seed(0)
    found = sampled.loss(hidden, table, gold, draw, negatives=200_000, power=power)
    assert abs(found - full) < 0.01


def test_items_are_drawn_by_their_count_to_a_power() -> None:
    torch.manual_seed(0)
    draw = Draw(torch.tensor([0, 1, 4, 9]))
    for power, weights in ((1.0, [1, 1, 4, 9]), (0.5, [1, 1, 2, 3]), (0.0, [1, 1, 1, 1])):
        drawn = draw.weighted(100_000, power)
        share = torch.bincount(drawn, minlength=5)[1:] / len(drawn)
        expected = torch.tensor(weights) / sum(weights)
        assert (share - expected).abs().max() < 0.01
        torch.testing.assert_close(draw.weights(power).float(), expected)


def test_uniform_draws_have_their_shape_and_reach_both_ends() -> None:
    torch.manual_seed(0)
    drawn = Draw(torch.ones(5)).uniform(1000, 3)
    assert drawn.shape == (1000, 3)
    assert drawn.unique().tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("negatives", [1, 64])
def test_as_many_are_drawn_as_asked_for(negatives: int) -> None:
    asked: list[int] = []

    class Asked(Draw):
        def weighted(self, number: int, power: float) -> Tensor:
            asked.append(number)
            return super().weighted(number, power)

    sampled.loss(*data(), Asked(torch.ones(6)), negatives=negatives)
    assert asked == [negatives]
