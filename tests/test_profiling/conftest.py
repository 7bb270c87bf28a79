"""Planted cells, and the room that they are measured in."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from linrec_cli.profiling import footprint, interleave
from linrec_cli.profiling.cell import Cell, cells
from linrec_cli.profiling.tries import Tries
from linrec_cli.settings import Profile

# What tests invent lies beside them, and is imported by name.
sys.path.insert(0, str(Path(__file__).parent))

Row = dict[str, Any]


@pytest.fixture(scope="session")
def planted() -> ModuleType:
    """The module of planted cells, importable here and in the children."""
    # Children run their parent's script again; they need no pytest.
    vars(sys.modules["__main__"]).pop("__file__", None)
    import planted

    return planted


@pytest.fixture(scope="session")
def group() -> Callable[..., list[Cell]]:
    """Make the cells of mechanisms that take turns, at one length and in one phase."""

    def made(*attn: str, maxlen: int = 16, phase: str = "step", **more: Any) -> list[Cell]:
        (found,) = cells(Profile(attn=attn, maxlen=(maxlen,), phase=(phase,), **more))
        return found

    return made


@pytest.fixture(scope="session")
def alone(planted: ModuleType, group: Callable[..., list[Cell]]) -> Callable[..., list[Row]]:
    """Measure memory and work of planted cells, and no time."""

    def made(*attn: str, maxlen: tuple[int, ...] = (16,), cap: int = 0, **more: Any) -> list[Row]:
        tries = Tries(Profile(budget=0.3), planted.build, cap=cap)
        every = [cell for length in maxlen for cell in group(*attn, maxlen=length, **more)]
        return [row for cell in every for row in footprint.footprint(tries, cell)[0]]

    return made


@pytest.fixture(scope="module")
def impatient() -> Iterator[None]:
    """Give up what hangs sooner than on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (footprint, interleave):
            patch.setattr(module, "GRACE", 2.0)
        yield
