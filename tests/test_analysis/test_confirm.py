"""A suspected regression stands only if fresh runs of its cell show it too."""

from dataclasses import replace

import pytest

from linrec_cli.analysis.confirm import confirmed, narrowed, suspects
from linrec_cli.analysis.difference import HOW
from linrec_cli.analysis.pairs import WHAT
from linrec_cli.analysis.verdict import Verdict
from linrec_cli.settings import Profile

CELL = dict.fromkeys((*WHAT, *HOW)) | {"phase": "step", "metric": "seconds", "attention": "linear", "options": "",
        "maxlen": 512, "width": 64, "heads": 2, "dtype": "float32"}  # fmt: skip
SLOWER = Verdict("regression", CELL, "time", "x softmax", (1.0,) * 5, (1.2,) * 5, 0.2, 0.01)


def of(verdict, **cell):
    return replace(verdict, cell=verdict.cell | cell)


def test_only_what_is_measured_is_suspected():
    counted = of(replace(SLOWER, kind="memory"), metric="saved_bytes")
    measured = of(replace(SLOWER, kind="memory"), metric="peak_bytes", stage="rss")
    quality = of(replace(SLOWER, kind="quality"), metric="ndcg")
    fine = replace(SLOWER, verdict="inconclusive")
    assert suspects([SLOWER, counted, measured, quality, fine]) == [SLOWER, measured]


def test_the_same_slowdown_in_fresh_runs_confirms_it():
    (one,) = confirmed([SLOWER], [replace(SLOWER, change=0.18)])
    assert (one.verdict, one.change) == ("regression", 0.2)
    assert one.note == "confirmed by 5 fresh runs: +18.0%"


@pytest.mark.parametrize("verdict", ["ok", "inconclusive", "improved"])
def test_fresh_runs_that_do_not_show_it_leave_it_open(verdict):
    (one,) = confirmed([SLOWER], [replace(SLOWER, verdict=verdict, change=0.03)])
    assert one.verdict == "inconclusive"
    assert one.note == f"not confirmed by 5 fresh runs: +3.0%, {verdict}"


def test_a_cell_that_failed_when_measured_again_is_open_too():
    other = of(SLOWER, maxlen=1024)
    lost = replace(SLOWER, verdict="inconclusive", new=(), change=None)
    for again in ([], [other], [lost]):
        (one,) = confirmed([SLOWER], again)
        assert (one.verdict, one.note) == ("inconclusive", "it could not be measured again")


def test_what_was_no_suspect_stays_as_it_was():
    counted = of(replace(SLOWER, kind="memory"), metric="saved_bytes")
    fine = of(replace(SLOWER, verdict="ok"), maxlen=128)
    assert list(confirmed([counted, fine], [])) == [counted, fine]


def test_only_suspected_cells_are_measured_again_beside_the_yardstick():
    sweep = Profile(attn=("softmax", "linear", "elu"), maxlen=(128, 512), phase=("attention", "step"))
    again = narrowed(sweep, [SLOWER], "softmax")
    assert (again.attn, again.maxlen, again.phase) == (("softmax", "linear"), (512,), ("step",))
    assert replace(again, attn=sweep.attn, maxlen=sweep.maxlen, phase=sweep.phase) == sweep


def test_a_part_of_the_layer_is_measured_as_it_was_with_the_whole():
    sweep = Profile(attn=("softmax", "linear:chunk=8"), phase=("attention", "step"))
    again = narrowed(sweep, [of(SLOWER, phase="backward", options="chunk=8")], "softmax")
    assert (again.attn, again.phase) == (("softmax", "linear:chunk=8"), ("attention",))
    both = replace(sweep, phase=("forward", "backward"))
    assert narrowed(both, [of(SLOWER, phase="backward")], "softmax").phase == ("forward", "backward")
