"""A profile: whole rows with or without a folder, written after every cell, and one cut short is gone on with."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

import pytest

from linrec_cli import disk, machine, runs
from linrec_cli.errors import DataError
from linrec_cli.profiling import bench
from linrec_cli.profiling.cell import cells
from linrec_cli.results import schema, store
from linrec_cli.runs import events
from linrec_cli.runs.profile import cells as measured
from linrec_cli.runs.profile import names, place
from linrec_cli.settings import Effort, Profile, digest

SETTINGS = Profile(attn=("softmax", "linear"), maxlen=(16, 32, 64), phase=("step",), tokens=64, width=(8,), seed=4)
DESCRIBED = {"device": "cpu x", "torch": "2.9", "linrec": "0.1", "commit": "abc"}


@pytest.fixture(autouse=True)
def described(monkeypatch):
    """A machine and a commit that a test may change."""
    now = dict(DESCRIBED)
    monkeypatch.setattr(machine, "describe", lambda device: dict(now))
    return now


@pytest.fixture
def planted(monkeypatch):
    """Cells that take as long as they are long; `planted.ends` after so many of them, as when one is interrupted."""

    class Planted:
        ends = None
        asked = []  # noqa: RUF012

        def run(self, settings, build, *, force, ceilings, done):
            self.asked.append((settings, force, ceilings, list(done)))
            there = {row["maxlen"] for row in done}
            for number, cell in enumerate(cell for group in cells(settings) for cell in group):
                if cell.maxlen in there:
                    continue
                if number == self.ends:
                    raise KeyboardInterrupt
                same = cell.labels | {"phase": cell.phase, "status": "ok", "kernel": "eager", "process": number}
                seconds = cell.maxlen * 1e-3
                yield [same | {"metric": "seconds", "unit": "s", "value": seconds, "samples": [seconds] * 3}]

    found = Planted()
    found.asked = []
    monkeypatch.setattr(bench, "run", found.run)
    return found


def test_without_a_folder_nothing_touches_the_disk_and_rows_are_whole(here, planted):
    before = datetime.now(UTC).replace(microsecond=0)
    table = runs.profile(SETTINGS)
    assert not list(here.iterdir())
    assert table.schema == schema.COLUMNS
    own = DESCRIBED | {"command": "profile", "seed": 4, "threads": 1, "benchmark": schema.BENCHMARK}
    timed = table.filter(metric="seconds")
    assert timed.select(*own).unique().to_dicts() == [own]
    assert timed["run"].unique().item().startswith("profile-cpu-")
    assert before <= timed["created"].min() <= datetime.now(UTC)
    assert timed.select("attention", "maxlen", "value").rows() == [
        (attn, maxlen, maxlen * 1e-3) for maxlen in (16, 32, 64) for attn in ("softmax", "linear")
    ]


def test_how_it_scales_stands_beside_what_was_measured(planted):
    slopes = runs.profile(SETTINGS).filter(metric="time_slope", attention="linear")
    assert slopes["value"].item() == pytest.approx(1.0)


def test_rows_are_written_after_every_cell(here, planted):
    folder = here / "run"
    seen = []
    for rows in measured(SETTINGS, folder):
        path = folder / store.TABLE
        seen.append((len(rows), len(store.read_table(path)) if path.is_file() else 0))
    # First what stands, then a cell each, last how it scales.
    assert [count for count, _ in seen[:7]] == [0, 1, 1, 1, 1, 1, 1]
    assert [total for _, total in seen[:7]] == [0, 1, 2, 3, 4, 5, 6]
    assert seen[7][0] == seen[7][1] - 6 > 0
    assert set(store.read_table(folder / store.TABLE)["run"]) == {"run"}


def test_settings_are_written_as_they_were_asked_for(here, planted):
    runs.profile(SETTINGS, here / "run", effort=Effort(roofline=True, force=True))
    stored = store.read_settings(here / "run" / store.SETTINGS)
    assert {
        "maxlen": [16, 32, 64],
        "attn": ["softmax", "linear"],
        "roofline": True,
        "force": True,
    }.items() <= stored.items()
    (_, force, ceilings, _) = planted.asked[0]
    assert (force, ceilings) == (True, True)


@pytest.fixture
def cut(here, planted):
    """A run of six cells that was interrupted after three: the first length stands, of the second only a part."""
    planted.ends = 3
    folder = place(SETTINGS, here)
    with pytest.raises(KeyboardInterrupt):
        list(measured(SETTINGS, folder))
    planted.ends = None
    planted.asked.clear()
    return folder


def test_what_was_measured_is_there_when_it_is_interrupted(cut):
    assert store.read_table(cut / store.TABLE)["maxlen"].to_list() == [16, 16, 32]


def test_a_run_cut_short_is_found_and_gone_on_with(here, cut, planted, heard):
    assert place(SETTINGS, here, heard) == cut
    assert heard == [events.CutShort(cut.name, 1, 3)]
    table = runs.profile(SETTINGS, cut)
    ((_, _, _, done),) = planted.asked
    assert [row["maxlen"] for row in done] == [16, 16]
    timed = table.filter(metric="seconds")
    assert timed["maxlen"].to_list() == [16, 16, 32, 32, 64, 64]
    assert set(timed["run"]) == {cut.name}
    assert store.read_table(cut / store.TABLE).equals(table)


def test_a_finished_run_is_gone_on_with_where_more_is_asked_for(here, cut, planted, heard):
    runs.profile(SETTINGS, cut)
    assert place(SETTINGS, here, effort=Effort()) != cut
    # Nobody measured a roof, and all that was timed is timed anew for it.
    assert place(SETTINGS, here, heard, effort=Effort(roofline=True)) == cut
    planted.asked.clear()
    runs.profile(SETTINGS, cut, effort=Effort(roofline=True))
    assert [row for row in planted.asked[0][3] if row["metric"] == "seconds"] == []


def test_a_finished_run_is_not_gone_on_with(here, cut, planted, heard):
    runs.profile(SETTINGS, cut)
    other = place(SETTINGS, here, heard)
    assert other != cut
    assert not heard


@pytest.mark.parametrize("change", [{"commit": "abd"}, {"commit": "abc+"}, {"device": "cpu y"}, {"torch": "2.10"}])
def test_other_code_or_another_machine_starts_anew(here, cut, planted, described, heard, change):
    described |= change
    assert place(SETTINGS, here, heard) != cut
    assert not heard


def test_uncommitted_code_is_never_gone_on_with(here, planted, described, heard):
    described |= {"commit": "abc+"}
    planted.ends = 3
    folder = place(SETTINGS, here)
    with pytest.raises(KeyboardInterrupt):
        list(measured(SETTINGS, folder))
    assert place(SETTINGS, here, heard) != folder


@pytest.mark.parametrize("change", [{"seed": 5}, {"maxlen": (16, 32)}, {"threads": 2}, {"budget": 1.0}])
def test_other_settings_start_anew(here, cut, heard, change):
    assert place(replace(SETTINGS, **change), here, heard) != cut
    assert not heard


def test_another_version_of_the_benchmark_starts_anew(here, cut, monkeypatch, heard):
    monkeypatch.setattr(schema, "BENCHMARK", schema.BENCHMARK + 1)
    assert place(SETTINGS, here, heard) != cut


def test_what_another_process_is_at_work_on_is_left_to_it(here, cut, heard):
    with disk.locked(cut):
        assert place(SETTINGS, here, heard) != cut
        with pytest.raises(disk.HeldError):
            next(measured(SETTINGS, cut))
    # Nor is a folder removed in which another one is about to write.
    (here / "begun").mkdir()
    with disk.locked(here / "begun"):
        with pytest.raises(disk.HeldError):
            next(measured(SETTINGS, here / "begun"))
        assert (here / "begun").is_dir()


def test_a_folder_of_another_run_is_not_written_over(cut):
    before = (cut / store.TABLE).read_bytes()
    with pytest.raises(DataError, match="other settings, code or machine"):
        runs.profile(replace(SETTINGS, seed=5), cut)
    assert (cut / store.TABLE).read_bytes() == before


def test_a_run_that_measured_nothing_leaves_no_folder(here, planted):
    planted.ends = 0
    with pytest.raises(KeyboardInterrupt):
        list(measured(SETTINGS, place(SETTINGS, here)))
    assert not list((here / "runs").iterdir())


def test_a_run_that_is_about_to_begin_keeps_its_folder_and_one_that_was_killed_then_does_not(here):
    folder = place(SETTINGS, here)
    (folder / disk.LOCK).touch()
    assert place(SETTINGS, here) != folder
    os.utime(folder / disk.LOCK, (time.time() - 61,) * 2)
    assert place(SETTINGS, here) == folder
    (folder / disk.LOCK).touch()
    (folder / disk.HOLDER).write_text("1 elsewhere")
    assert place(SETTINGS, here) == folder


def test_runs_that_begin_in_the_same_second_have_folders_of_their_own(here):
    folders = [place(SETTINGS, here) for _ in range(3)]
    assert len({*folders}) == 3
    first, second, third = islice(names(SETTINGS), 3)
    assert first.endswith(f"-{digest(SETTINGS)}")
    assert [second, third] == [first.replace(digest(SETTINGS), f"{n}-{digest(SETTINGS)}") for n in (2, 3)]
