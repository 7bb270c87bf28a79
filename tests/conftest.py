"""Small invented data that several rooms' tests share."""

import polars as pl
import pytest
import torch

from linrec_cli.data.sequences import Sequences, leave_one_out


@pytest.fixture
def sequences() -> Sequences:
    """Sixty histories of 3 to 60 events that walk along a ring of 30 items, each step one or two on."""
    generator = torch.Generator().manual_seed(1)
    rows = []
    for user in range(1, 61):
        length = int(torch.randint(3, 61, (), generator=generator))
        steps = torch.randint(1, 3, (length,), generator=generator)
        start = torch.randint(30, (), generator=generator)
        rows += [(user, int(item) + 1) for item in (start + steps.cumsum(0)) % 30]
    frame = pl.DataFrame(rows, schema=["user", "item"], orient="row")
    return leave_one_out(frame, 30)
