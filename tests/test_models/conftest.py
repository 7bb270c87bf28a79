"""Histories as models read them."""

from collections.abc import Callable

import pytest
import torch

from linrec_cli.data.batch import Batch

Made = Callable[..., Batch]


@pytest.fixture
def batch() -> Made:
    """Make a batch of histories, padded on the right to the longest."""

    def made(*histories: list[int]) -> Batch:
        width = max(map(len, histories))
        rows = [history + [0] * (width - len(history)) for history in histories]
        return Batch(torch.tensor(rows), torch.tensor([*map(len, histories)]))

    return made
