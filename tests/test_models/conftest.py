"""Histories as models read them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from linrec_cli.data.batch import Batch

Made = Callable[..., Batch]


class Twice(nn.Module):
    """Doubles, in the place of dropout, so that a formula shows where that stands."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


@pytest.fixture
def twice() -> Twice:
    """Make what shows where dropout stands."""
    return Twice()


@pytest.fixture
def batch() -> Made:
    """Make a batch of histories, padded on the right to the longest."""

    def made(*histories: list[int]) -> Batch:
        width = max(map(len, histories))
        rows = [history + [0] * (width - len(history)) for history in histories]
        return Batch(torch.tensor(rows), torch.tensor([*map(len, histories)]))

    return made
