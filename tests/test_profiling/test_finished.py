"""A profile cut short is taken up where whole groups end, and knows what it knew."""

import pytest

from linrec_cli.profiling import bench, finished, roofline
from linrec_cli.profiling.cell import cells
from linrec_cli.settings import Effort, Profile

MIB = 2**20


def settings(**more):
    return Profile(budget=0.2, **{"attn": ("sleep", "take"), "phase": ("step",), "maxlen": (16, 32)} | more)


def rows_of(cell, status="ok", **more):
    row = cell.labels | {"phase": cell.phase, "metric": "seconds", "status": status, "process": 7}
    return [row | {"metric": "peak_bytes"}, row | more]


def test_a_group_stands_when_each_of_its_cells_was_timed_or_says_why_not():
    first, second = cells(settings())
    whole = rows_of(first[0]) + rows_of(first[1], "oom")
    assert finished.whole(first, whole)
    assert not finished.whole(second, whole)
    # The second cell's memory is there, its time is not.
    assert not finished.whole(first, rows_of(first[0]) + rows_of(first[1])[:1])


def test_of_a_group_cut_short_nothing_is_kept():
    first, second = cells(settings())
    whole, half = [row for cell in first for row in rows_of(cell)], rows_of(second[0])
    machine = {"phase": "machine", "metric": "bytes_per_second", "status": "ok"}
    driver = {"phase": "machine", "metric": "gpu_clock", "status": "skipped"}
    slope = first[0].labels | {"phase": "step", "metric": "time_slope", "status": "ok", "maxlen": None}
    assert finished.standing(settings(), [machine, driver, *whole, *half, slope]) == [machine, *whole]


def test_parts_of_the_layer_belong_to_its_cell_and_another_size_does_not():
    (cell,) = next(cells(settings(attn=("linear",), phase=("attention",), maxlen=(16,))))
    row = rows_of(cell)[1]
    assert all(finished.belongs(row | {"phase": phase}, cell) for phase in ("forward", "backward", "attention"))
    assert not finished.belongs(row | {"phase": "step"}, cell)
    assert not finished.belongs(row | {"width": 65}, cell)


def test_what_an_effort_takes_further_does_not_stand():
    first, second = (group[0] for group in cells(settings()))
    barred = rows_of(second, "skipped", note="it stops at 16; --force goes on")
    other = rows_of(second, "skipped", note="it has no causal form")
    plain = rows_of(first) + barred
    assert list(finished.far_enough(plain, Effort())) == plain
    assert list(finished.far_enough(plain, Effort(force=True))) == plain[:-1]
    assert list(finished.far_enough(rows_of(first) + other, Effort(force=True))) == rows_of(first) + other
    # Shares of a roof that nobody measured are had by timing anew.
    assert [row["metric"] for row in finished.far_enough(plain, Effort(roofline=True))] == ["peak_bytes"] * 2
    roof = {"phase": "machine", "metric": "bytes_per_second", "status": "skipped", "dtype": "float32"}
    assert list(finished.far_enough([roof, *plain], Effort(roofline=True))) == [roof, *plain]


def test_ceilings_are_read_where_both_were_measured():
    row = {"phase": "machine", "status": "ok", "dtype": "float32"}
    copy, product = row | {"stage": "copy", "value": 5.0}, row | {"stage": "matmul", "value": 7.0}
    assert finished.ceilings([copy, product, copy | {"dtype": "bfloat16"}]) == {"float32": roofline.Ceiling(5.0, 7.0)}


@pytest.fixture
def left(monkeypatch):
    """Each cell that is still to be measured, with the processes so far and why it would not be tried."""
    found = []

    def measured(one, group):
        found.extend((cell, one.tries.processes, one.tries.barred(cell)) for cell in group)
        yield from ()

    monkeypatch.setattr(bench, "measured", measured)
    return found


def test_only_what_is_missing_is_measured(left):
    first, second = cells(settings())
    done = [row for cell in first for row in rows_of(cell)]
    assert list(bench.run(settings(), "builder", cap=0, done=done)) == []
    # Numbers of processes go on.
    assert left == [(cell, 7, "") for cell in second]


@pytest.mark.parametrize(("status", "why"), [("oom", "oom at length 16; --force goes on"), ("error", "")])
def test_what_ran_out_before_is_not_tried_at_a_longer_length(left, status, why):
    one = settings(attn=("take",))
    first, second = cells(one)
    list(bench.run(one, "builder", cap=0, done=rows_of(first[0], status)))
    assert left == [(second[0], 7, why)]
