"""A small cell of any phase."""

from collections.abc import Callable
from typing import Any

import pytest

from linrec_cli.profiling.cell import Cell, cells
from linrec_cli.settings import Profile


@pytest.fixture(scope="session")
def one() -> Callable[..., Cell]:
    """Make a cell of four sequences of eight positions."""

    def made(attn: str, phase: str, **more: Any) -> Cell:
        sizes = {"maxlen": 8, "tokens": 32, "width": 8, "items": 11, "heads": 2, "dtype": "float32", "model": "sasrec"}
        lists = ("maxlen", "width", "heads", "dtype", "model")
        given = {name: (value,) if name in lists else value for name, value in (sizes | more).items()}
        ((cell,),) = cells(Profile(attn=(attn,), phase=(phase,), **given))
        return cell

    return made
