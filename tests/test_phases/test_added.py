"""What a new file in the folder says of itself is followed everywhere; that it is used, `tests/test_added.py` shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from linrec_cli import phases
from linrec_cli.analysis import phases as shown
from linrec_cli.phases import _phase
from linrec_cli.profiling import rows
from linrec_cli.profiling.build import build
from linrec_cli.profiling.cell import Cell, cells
from linrec_cli.settings import Profile

SILLY = '''
"""Sums of the layer's output."""

TITLE = "sums of a layer of {model}"
HELP = "something silly"
ORDER = 35
MODEL = True
WAYS = True
USERS = True
SLOPES = False
DTYPES = ("float32",)
LEFT_OUT = ("roof",)


def build(cell):
    """Build the layer, and two ways to sum what it gives."""
    from linrec_cli.phases._layer import made
    from linrec_cli.profiling.work import Work, inputs

    layer, (x, lengths, _) = made(cell), inputs(cell, cell.batch, cell.maxlen)
    spans = {"once": lambda: layer(x, lengths).sum(), "twice": lambda: layer(x, lengths).sum(1).sum()}
    return Work(spans, spans["once"], lambda: None, flushed=True)
'''
PART = '''
"""A part of it."""

TITLE = "a part"
HELP = "a part"
PART_OF = "silly"


def build(cell):
    """Build nothing."""
'''


@pytest.fixture
def silly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cell]:
    """A cell of a phase that was added as a file; it is gone afterwards."""
    (tmp_path / "silly.py").write_text(SILLY, "utf-8")
    (tmp_path / "sillier.py").write_text(PART, "utf-8")
    monkeypatch.setattr(phases, "__path__", [*phases.__path__, str(tmp_path)])
    _phase.phases.cache_clear()
    settings = Profile(attn=("linear",), maxlen=(8,), tokens=32, dtype=("bfloat16",))
    # What may be asked for is read once, when the process starts.
    object.__setattr__(settings, "phase", ("sillier", "silly"))
    ((cell,),) = cells(settings)
    yield cell
    _phase.phases.cache_clear()


def test_its_cell_is_as_it_says(silly: Cell) -> None:
    assert (silly.phase, silly.dtype, silly.phases) == ("silly", "float32", ("sillier", "silly"))
    assert silly.labels["model"] == "sasrec"
    assert list(build(silly).spans) == ["once", "twice"]


def test_its_rows_are_of_users_and_ways(silly: Cell) -> None:
    seconds = rows.seconds(silly, [{"once": 0.5, "twice": 1.0}], {})
    assert [(row["phase"], row["stage"]) for row in seconds] == [("silly", "once"), ("silly", "twice")]
    assert [row["value"] for row in rows.rates(silly, seconds, {}, None)] == [4 / 0.5, 4 / 1.0]
    assert rows.followers(silly, roofline=False) == ("flops_per_second", "bytes_per_second", "users_per_second")


def test_it_stands_at_its_place_with_its_title_its_ways_and_what_it_leaves_out(silly: Cell) -> None:
    assert shown.ordered()[shown.ordered().index("silly") - 1] == "step"
    assert shown.title("silly", "sasrec") == "sums of a layer of sasrec"
    assert "silly" in shown.with_ways()
    assert "silly" in shown.without_slopes()
    assert shown.wholes()["sillier"] == "silly"
    assert shown.left_out("silly") == ("roof",)
