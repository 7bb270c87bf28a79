"""Costs on some data: measured curves laid over the shapes of its batches."""

import polars as pl
import pytest

from linrec_cli.analysis.advice import Cost, Curve, curves, pays
from linrec_cli.results import schema


def test_batches_cost_their_positions_each_at_what_its_length_costs() -> None:
    curve = Curve({10: 1.0, 20: 4.0})
    # A position costs .1 at 10, .2 at 20, .15 between, and no more beyond.
    assert curve.time([(10, 2), (15, 1), (40, 1), (5, 3)]) == pytest.approx(2 + 2.25 + 8 + 1.5)


def test_the_peak_is_that_of_the_lengths_up_to_one_that_holds_the_longest_batch() -> None:
    curve = Curve({10: 1.0, 20: 1.0, 40: 1.0}, {10: 7.0, 20: 5.0, 40: 9.0})
    assert [curve.peak([(4, 9), (longest, 1)]) for longest in (8, 10, 11, 20, 21, 99)] == [7, 7, 7, 7, 9, 9]
    assert Curve({10: 1.0}).peak([(8, 1)]) is None


def row(attn: str, maxlen: int, metric: str, value: float, **more: object) -> dict[str, object]:
    shared = {"run": "r", "command": "profile", "attention": attn, "options": "", "phase": "step", "tokens": 64}
    return shared | {"maxlen": maxlen, "metric": metric, "value": value} | more


def test_curves_are_of_one_phase_and_a_sequence_and_of_several_runs_the_median() -> None:
    rows = [
        *(row("linear", 16, "seconds", value) for value in (8.0, 4.0, 40.0)),
        row("linear", 48, "seconds", 5.0),
        row("linear", 128, "seconds", 9.0, tokens=128),
        row("linear", 16, "seconds", 99.0, phase="evaluate"),
        row("linear", 16, "peak_bytes", 30.0, stage="rss"),
        row("linear", 16, "peak_bytes", 90.0, stage="device"),
        row("softmax", 16, "seconds", 1.0, options="rotary=true"),
        row("softmax", 48, "seconds", 1.0, status="oom", options="rotary=true"),
    ]
    rows += [row("linear-gated", 16, metric, value) for metric, value in (("seconds", 1.0), ("wall_seconds", 6.0))]
    found = curves(schema.table({}, rows), "step")
    assert found == {
        "linear": Curve({16: 2.0, 48: 5.0, 128: 9.0}, {16: 30.0}),
        "softmax:rotary=true": Curve({16: 0.25}),
        # An epoch waits for the host.
        "linear-gated": Curve({16: 1.5}),
    }
    assert curves(pl.DataFrame(schema=schema.COLUMNS), "step") == {}


def test_what_was_timed_beside_others_counts_where_nothing_else_stands_and_is_told() -> None:
    rows = [
        row("linear", 16, "seconds", 4.0),
        row("linear", 16, "seconds", 40.0, contended=True),
        row("softmax", 16, "seconds", 4.0, contended=False),
        row("softmax", 48, "seconds", 8.0, contended=True),
    ]
    found = curves(schema.table({}, rows), "step")
    assert found == {"linear": Curve({16: 1.0}), "softmax": Curve({16: 1.0, 48: 8.0}, contended=True)}


@pytest.mark.parametrize(
    ("linear", "sentence"),
    [
        ([1, 1, 1], "linear is faster at every length here than softmax."),
        ([5, 5, 5], "linear is at no length here faster than softmax."),
        ([5, 3, 1], "linear is faster from maxlen 1,000 on than softmax."),
        ([1, 5, 1], "linear is faster at maxlen 50, 2,000 alone than softmax."),
        ([1, 1, 5], "linear is faster at maxlen 50, 1,000 alone than softmax."),
        # Of 4 seconds less than a twentieth is no difference.
        ([3.9, 3.9, 3.9], "linear is at no length here faster than softmax."),
        ([3.7, 3.7, 3.9], "linear is faster at maxlen 50, 1,000 alone than softmax."),
        ([4, 4, 4], "linear is at no length here faster than softmax."),
    ],
)
def test_it_is_said_where_a_mechanism_pays_training_and_validation_together(linear: list[float], sentence: str) -> None:
    lengths = (2000, 50, 1000)
    taken = dict(zip((50, 1000, 2000), linear, strict=True))
    costs = [Cost("linear", n, taken[n] - 0.5, 0.5, None) for n in lengths]
    costs += [Cost("softmax", n, 1.0, 3.0, None) for n in lengths]
    assert pays(costs) == [sentence]
