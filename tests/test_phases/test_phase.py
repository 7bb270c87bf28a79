"""What a phase writes is read, and what it does not is neutral."""

import subprocess
import sys
from types import ModuleType

import pytest

from linrec_cli import catalog
from linrec_cli.phases import _phase
from linrec_cli.phases._phase import phase, phases


def read(monkeypatch: pytest.MonkeyPatch, **written: object) -> _phase.Phase:
    """Read a phase made of what is written."""
    module = ModuleType("invented")
    vars(module).update(written)
    monkeypatch.setattr(catalog, "load", lambda package, name: module)
    return _phase.phase.__wrapped__("invented")


def build(cell: object) -> None:
    """Build nothing."""


def test_what_is_not_written_is_neutral(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, TITLE="a", HELP="b", build=build)
    assert (found.name, found.title, found.help, found.build) == ("invented", "a", "b", build)
    assert (found.model, found.keeps, found.trains, found.users, found.ways, found.slopes) == (False,) * 5 + (True,)
    assert (found.part_of, found.dtypes, found.left_out, found.measure) == ("", (), (), None)


def test_what_is_written_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, TITLE="a", HELP="b", build=build, MODEL=True, PART_OF="c", ORDER=3, measure=build)
    assert (found.model, found.part_of, found.order, found.measure) == (True, "c", 3, build)


def test_what_every_phase_must_have_is_named_where_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError, match="invented lacks TITLE, build"):
        read(monkeypatch, HELP="b")


def test_phases_stand_in_their_order_the_whole_before_its_parts() -> None:
    names = [one.name for one in phases()]
    assert sorted(names) == catalog.names("phases")
    assert names == sorted(names, key=lambda name: phase(name).order)
    for one in phases():
        for part in one.parts:
            assert phase(part).part_of == one.name
            assert names.index(one.name) < names.index(part)
    assert phase("attention").parts == ("forward", "backward")


def test_reading_every_phase_loads_no_torch() -> None:
    code = "import sys; from linrec_cli.phases._phase import phases; phases(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "linrec_cli.phases.step" in done.stdout.split()
    assert {"torch", "polars", "matplotlib", "numpy"}.isdisjoint(done.stdout.split())
