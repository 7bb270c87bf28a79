"""What a person sees while a profile runs."""

import io

import pytest
from rich.console import Console

from linrec_cli.cli import console
from linrec_cli.cli import profile_progress as watch
from linrec_cli.profiling.cell import cells
from linrec_cli.settings import Profile

SETTINGS = Profile(maxlen=(16, 32), phase=("attention", "step", "compile"))


def rows(cell, value):
    row = cell.labels | {"phase": cell.phase, "metric": "seconds", "unit": "s", "status": "ok"}
    return [row | {"value": value, "low": value, "high": value}]


def test_elsewhere_than_on_a_terminal_a_line_a_cell(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    stand, *given = [rows(cell, 0.25) for group in cells(SETTINGS) for cell in group]
    slopes = [stand[0] | {"metric": "time_slope"}]
    # First what stands from before, last how it scales.
    for made in ([stand, *given, slopes], [[], *given, []]):
        assert list(watch.watched(SETTINGS, iter(made))) == made
        lines = capsys.readouterr().err.splitlines()
        assert lines[:2] == ["attention linear at 16: 250 ms", "step softmax at 16: 250 ms"]
        assert len(lines) == len(given)


def test_on_a_terminal_the_cells_in_turn_stand_in_a_table_that_fits(monkeypatch):
    screen = io.StringIO()
    terminal = Console(file=screen, force_terminal=True, width=80)
    monkeypatch.setattr(console, "stream", lambda stderr: terminal)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    first, second, *_ = cells(SETTINGS)
    given = [rows(cell, 0.125) for cell in first] + [rows(cell, 0.5) for cell in second]
    made = [[], *given, [given[0][0] | {"metric": "time_slope"}]]
    assert list(watch.watched(SETTINGS, iter(made))) == made
    assert "0/20" in screen.getvalue()
    plain = Console(file=io.StringIO(), width=80)
    plain.print(watch.drawn("progress", given[0] + given[1]))
    lines = plain.file.getvalue().splitlines()
    assert lines[0] == "progress"
    assert sum("125" in line for line in lines) == 2
    assert max(map(len, lines)) <= 80


def test_what_stands_is_not_counted_again():
    whole = [row for group in cells(SETTINGS) for cell in group for row in rows(cell, 0.1)]
    assert watch.parts(SETTINGS, []) == 2 * 2 * (2 + 2 + 1)
    (attention, *_) = cells(SETTINGS)
    assert watch.parts(SETTINGS, [row for cell in attention for row in rows(cell, 0.1)]) == 16
    assert watch.parts(SETTINGS, whole) == 0


@pytest.mark.parametrize("phase", ["forward", "backward", "attention"])
def test_the_parts_of_the_layer_share_its_turn(phase):
    row = {"phase": "attention", "maxlen": 16, "width": 8}
    assert watch.turn(row | {"phase": phase}) == watch.turn(row)
    assert watch.turn(row | {"maxlen": 32}) != watch.turn(row)
