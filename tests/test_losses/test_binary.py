"""Binary cross-entropy and its calibrated form, against formulas written out."""

import math

import pytest
import torch
from torch import Tensor

from linrec_cli.losses import bce, gbce
from linrec_cli.losses._draw import Draw


class Fixed(Draw):
    """Draws item 2, always."""

    def uniform(self, *shape: int) -> Tensor:
        return torch.full(shape, 2)


def sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


HIDDEN, TABLE = torch.tensor([[1.0, 0.5]]), torch.tensor([[9.0, 9.0], [1.0, 0.0], [-0.5, 1.5], [0.0, 0.0]])
GOLD, OTHER = 1.0, 0.25
"""Scores of items 1 and 2."""


@pytest.mark.parametrize("negatives", [1, 3])
def test_binary_cross_entropy_worked_by_hand(negatives: int) -> None:
    found = bce.loss(HIDDEN, TABLE, torch.tensor([1]), Fixed(torch.ones(3)), negatives=negatives)
    assert float(found) == pytest.approx(-math.log(sigma(GOLD)) - negatives * math.log(1 - sigma(OTHER)))


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("t", [0.0, 0.75, 1.0])
def test_the_calibrated_form_worked_by_hand(t: float, n: int) -> None:
    others = 2
    alpha = n / others
    beta = alpha * (t * (1 - 1 / alpha) + 1 / alpha)
    found = gbce.loss(HIDDEN, TABLE, torch.tensor([1]), Fixed(torch.ones(3)), negatives=n, t=t)
    expected = -(math.log(sigma(GOLD) ** beta) + n * math.log(1 - sigma(OTHER))) / (n + 1)
    assert float(found) == pytest.approx(expected)
    # Where all others are drawn there is nothing to calibrate.
    assert beta == pytest.approx({0.0: 1.0, 0.75: 0.625, 1.0: 0.5}[t] if n == 1 else 1.0)


def test_each_prediction_has_negatives_of_its_own() -> None:
    shapes: list[tuple[int, ...]] = []

    class Shaped(Draw):
        def uniform(self, *shape: int) -> Tensor:
            shapes.append(shape)
            return super().uniform(*shape)

    bce.loss(torch.randn(5, 2), TABLE, torch.tensor([1, 2, 3, 1, 2]), Shaped(torch.ones(3)), negatives=4)
    assert shapes == [(5, 4)]
