"""Slopes and crossovers of made-up sweeps whose exponents and crossings are known."""

from itertools import pairwise

import numpy as np
import pytest

from linrec_cli.analysis import curves, scaling
from linrec_cli.results import schema

LENGTHS = (128, 256, 512, 1024, 2048, 4096)
TOKENS = 65_536
SHARED = {"phase": "attention", "options": "", "unit": "s", "status": "ok", "width": 64, "device": "cpu"}


def row(attention, maxlen, value, samples=None, *, metric="seconds", tokens=TOKENS, **more):
    number = {"value": value, "samples": samples or [value]}
    return SHARED | {"attention": attention, "maxlen": maxlen, "metric": metric, "tokens": tokens} | number | more


def law(attention, cost, lengths=LENGTHS, *, batch=0, **more):
    """Rows of a mechanism whose cost is a function of the length; of a `batch`, where its size is what stays."""
    return [row(attention, n, cost(n), tokens=batch * n or TOKENS, **more) for n in lengths]


def noisy(attention, cost, seed, spread=0.05, count=40, **more):
    """Rows whose samples scatter about the cost."""
    generator = np.random.default_rng(seed)
    found = []
    for n in LENGTHS:
        samples = cost(n) * np.exp(spread * generator.standard_normal(count))
        found.append(row(attention, n, float(np.median(samples)), samples.tolist(), **more))
    return found


def only(rows, metric="time_slope", attention=None):
    (found,) = (r for r in rows if r["metric"] == metric and attention in (None, r["attention"]))
    return found


@pytest.mark.parametrize("metric", ["seconds", "peak_bytes"])
@pytest.mark.parametrize(("exponent", "batch"), [(-1, 0), (0, 0), (0.5, 0), (1, 0), (2, 0), (0.75, 8), (1, 8), (2, 8)])
def test_the_exponent_of_a_power_law_is_its_slope_over_all_lengths(exponent, batch, metric):
    made = scaling.rows(law("a", lambda n: 0.003 * n**exponent, batch=batch, metric=metric))
    found = only(made, scaling.SLOPES[metric])
    assert found["value"] == pytest.approx(exponent, abs=1e-9)
    expected = "at a fixed batch quadratic cost is 2" if batch else "at fixed tokens quadratic cost is 1"
    assert found["note"].startswith(f"from 128 to 4,096; {expected}")
    assert found.get("tokens") == (None if batch else TOKENS)


def test_an_exponent_is_found_in_noise_within_its_interval_and_the_same_again():
    rows = noisy("a", lambda n: 0.003 * n, seed=1)
    found = only(scaling.rows(rows))
    assert found["value"] == pytest.approx(1, abs=0.05)
    assert found["low"] < found["value"] < found["high"] < found["low"] + 0.05
    assert scaling.rows(rows) == scaling.rows(rows)


def test_95_of_100_intervals_hold_the_truth():
    slopes = [only(scaling.rows(noisy("a", lambda n: 0.003, seed, count=20))) for seed in range(100)]
    # The middle of a bootstrap of 20 medians; 3 standard errors of a share of 95 in 100 are 7.
    assert 88 <= sum(found["low"] <= 0 <= found["high"] for found in slopes) <= 100


def test_an_interval_is_the_middle_95_of_100_draws():
    assert scaling.bounds(np.arange(1000.0)) == pytest.approx({"low": 24, "high": 974}, abs=1)


def test_a_batch_that_is_all_but_full_is_full():
    lengths = (1000, 2000, 3000)
    assert [TOKENS % length for length in lengths] == [536, 1536, 2536]
    assert only(scaling.rows(law("a", float, lengths)))["value"] == pytest.approx(1)


def test_of_several_ways_the_one_that_reaches_further_is_compared():
    rows = law("linear", lambda n: 10 / n, LENGTHS[:3], phase="serve", stage="recurrence")
    rows += law("linear", lambda n: 2.0, phase="serve", stage="recomputation")
    rows += law("softmax", lambda n: 0.001 * n, phase="serve", stage="recomputation")
    assert only(scaling.rows(rows), "crossover")["note"] == "between 1,024 and 2,048"


def test_exponents_of_draws_are_those_of_a_line_fitted_to_each():
    draws = np.random.default_rng(0).lognormal(size=(50, len(LENGTHS)))
    lines = [np.polyfit(np.log2(LENGTHS), np.log2(draw), 1)[0] for draw in draws]
    assert scaling.exponents(np.array(LENGTHS), draws) == pytest.approx(lines)


def test_each_draw_is_the_median_of_as_many_samples():
    # Of three samples, resampled, the median is the lowest with probability 7/27, and the highest too.
    draws = curves.resampled(np.array([1.0, 2.0, 3.0]), np.random.default_rng(0))
    shares = [np.mean(draws == value) for value in (1.0, 2.0, 3.0)]
    assert shares == pytest.approx([7 / 27, 13 / 27, 7 / 27], abs=0.05)


def test_what_has_one_sample_a_length_has_no_interval():
    found = only(scaling.rows(law("a", lambda n: n)))
    assert "low" not in found
    assert "high" not in found


@pytest.mark.parametrize(("work", "batch", "exponent"), [(1, 0, 1), (1, 8, 1), (2, 8, 2)])
def test_lengths_at_which_a_floor_outweighs_work_are_left_out(work, batch, exponent):
    """Floor and work are equal at 1,024."""
    lengths = [2**n for n in range(6, 17)]
    rows = law("a", lambda n: 1 + (n / 1024) ** work, lengths, batch=batch)
    found = only(scaling.rows(rows))
    first = int(found["note"].split()[1].replace(",", ""))
    assert first >= 1024
    assert found["value"] == pytest.approx(exponent, abs=0.1)


def test_a_slope_that_still_rises_is_none():
    found = only(scaling.rows(law("a", lambda n: 1 + n / 4096)))
    assert (found["status"], found["note"]) == ("skipped", "overhead still shows at 4,096; measure longer lengths")
    assert "value" not in found


def test_what_does_not_grow_is_flat_at_fixed_tokens_and_overhead_at_a_fixed_batch():
    assert only(scaling.rows(law("a", lambda n: 1.0)))["value"] == pytest.approx(0)
    assert only(scaling.rows(law("a", lambda n: 1.0, batch=8)))["status"] == "skipped"
    assert only(scaling.rows(law("a", lambda n: 1.0, batch=8, phase="serve")))["value"] == pytest.approx(0)


def test_a_slope_takes_three_lengths_with_a_number_above_0():
    failed = [row("a", 512, None) | {"status": "oom"}, row("a", 1024, 0.0), row("b", 512, 3.0)]
    found = only(scaling.rows([*law("a", float, (128, 256)), *failed]), attention="a")
    note = "it takes 3 lengths with a number and the same tokens; there are 2"
    assert (found["status"], found["note"]) == ("skipped", note)


@pytest.mark.parametrize(
    "odd",
    [
        row("a", 0, 1.0),
        row("a", -4, 1.0),
        row("a", None, 1.0),
        row("a", 512, float("inf")),
        row("a", 512, 1.0, [1.0, float("inf")]),
        row("a", 512, 1.0, [float("nan"), 1.0]),
        row("a", 512, None, [1.0]),
    ],
)
def test_what_has_no_length_or_no_finite_number_is_left_out(odd):
    usual = law("a", float, (128, 256, 1024))
    assert only(scaling.rows([*usual, odd])) == only(scaling.rows(usual))


def test_a_sample_that_is_missing_is_none():
    usual = law("a", float, (128, 256))
    found = [only(scaling.rows([*usual, row("a", 512, 512.0, samples)])) for samples in ([512.0], [512.0, None])]
    assert found[0] == found[1]


def test_a_sweep_over_two_lengths_says_nothing():
    assert scaling.rows(law("a", float, (128, 256))) == []


def test_a_batch_larger_than_the_others_or_not_full_is_left_out():
    """A sequence of 131,072 is more than the tokens, and one of 40,000 leaves more than a third of them out."""
    longer = [row("a", 40_000, 7.0), row("a", 2**17, 99.0, tokens=2**17)]
    found = only(scaling.rows(law("a", float) + longer))
    assert found["value"] == pytest.approx(1)
    assert "from 128 to 4,096" in found["note"]


def test_samples_of_several_processes_are_pooled():
    twice = [row("a", n, n * factor, [n * factor] * 3) for n in LENGTHS for factor in (1, 3)]
    found = only(scaling.rows(twice))
    assert found["value"] == pytest.approx(1)
    assert "low" in found


def test_compiling_and_other_counters_have_no_slope():
    rows = law("a", float, phase="compile") + law("a", float, metric="peak_bytes", stage="reserved")
    assert scaling.rows(rows) == []


def test_a_crossover_of_power_laws_is_where_they_meet():
    """0.001 n meets 0.7 at 700."""
    rows = law("linear", lambda n: 0.7) + law("softmax", lambda n: 0.001 * n)
    found = only(scaling.rows(rows), "crossover")
    assert found["value"] == pytest.approx(700)
    assert (found["attention"], found["stage"], found["unit"]) == ("linear", "softmax", "positions")
    assert found["note"] == "between 512 and 1,024"


def test_what_was_faster_at_shorter_lengths_too_is_told_beside_a_crossover():
    rows = law("linear", lambda n: 0.3 if n in (128, 512, 4096) else 5.0) + law("softmax", lambda n: 1.0)
    assert only(scaling.rows(rows), "crossover")["note"] == "between 2,048 and 4,096; faster at 128 and 512 too"


def test_the_interval_of_a_crossover_holds_it():
    rows = noisy("linear", lambda n: 0.7, 1) + noisy("softmax", lambda n: 0.001 * n, 2)
    found = only(scaling.rows(rows), "crossover")
    assert 600 < found["low"] < found["value"] < found["high"] < 800
    assert found["low"] < 700 < found["high"]


@pytest.mark.parametrize(
    ("cost", "note"),
    [
        (lambda n: 0.1, "always from 128 to 4,096"),
        (lambda n: 5.0, "never up to 4,096"),
        (lambda n: 0.3 if n <= 512 else 5.0, "only up to 512"),
        (lambda n: 0.3 if n in (128, 512) else 5.0, "only at 128 and 512"),
        (lambda n: 0.3 if n in (256, 512, 2048) else 5.0, "only at 256, 512 and 2,048"),
    ],
)
def test_a_mechanism_that_overtakes_nowhere_says_so(cost, note):
    # A lead at the shortest lengths alone takes a baseline that costs more there.
    rows = law("linear", cost) + law("softmax", lambda n: 0.5 + 0.001 * n)
    found = only(scaling.rows(rows), "crossover")
    assert (found["status"], found["note"]) == ("ok", note)
    assert "value" not in found


def test_a_bound_beyond_the_lengths_is_missing():
    rows = noisy("linear", lambda n: 1.0, 3) + noisy("softmax", lambda n: (n / 4090) ** 0.1, 4)
    found = only(scaling.rows(rows), "crossover")
    assert "low" in found
    assert "high" not in found


def test_crossings_are_those_of_a_search_from_the_longest_length_down():
    lengths, lead = np.array(LENGTHS), np.random.default_rng(0).standard_normal((300, len(LENGTHS)))
    assert scaling.crossings(lengths, lead) == pytest.approx([searched(line) for line in lead])


def searched(line):
    """Find a crossing step by step."""
    if line[-1] >= 0:
        return np.inf
    steps = list(pairwise(zip(LENGTHS, line, strict=True)))
    for (x, y), (longer, below) in reversed(steps):
        if y >= 0:
            return x * (longer / x) ** (y / (y - below))
    return -np.inf


def test_softmax_mechanisms_are_the_baselines_of_all_others():
    rows = [r for name in ("a", "softmax", "softmax-naive", "b") for r in law(name, float)]
    pairs = [(r["attention"], r["stage"]) for r in scaling.rows(rows) if r["metric"] == "crossover"]
    assert sorted(pairs) == [("a", "softmax"), ("a", "softmax-naive"), ("b", "softmax"), ("b", "softmax-naive")]


def test_without_softmax_the_first_mechanism_is_the_baseline():
    rows = [r for name in ("b", "a") for r in law(name, float)]
    found = only(scaling.rows(rows), "crossover")
    assert (found["attention"], found["stage"]) == ("a", "b")


def test_options_phases_and_sizes_are_apart():
    sizes = [{"width": 64}, {"width": 128}, {"phase": "step"}]
    rows = [
        r for more in sizes for r in law("softmax", float, **more) + law("linear", lambda n: 0.1, **more, options="x=1")
    ]
    made = scaling.rows(rows)
    assert sum(r["metric"] == "time_slope" for r in made) == 6
    assert [(r["width"], r["phase"]) for r in made if r["metric"] == "crossover"] == [
        (64, "attention"), (128, "attention"), (64, "step")]  # fmt: skip


def test_a_mechanism_that_gave_no_number_has_rows_that_say_so():
    failed = [r | {"status": "oom"} for r in law("linear", float)]
    made = scaling.rows(law("softmax", float) + failed)
    assert only(made, attention="linear")["note"].endswith("there are 0")
    assert only(made, "crossover")["note"] == "no length gave both a number"


def test_ways_have_slopes_of_their_own_and_the_fastest_is_compared():
    """Fixed tokens are fewer users a batch, so that the cost of a state falls as the length grows."""
    ways = {"recomputation": lambda n: 2.0, "recurrence": lambda n: 10 / n}
    rows = [r for name, cost in ways.items() for r in law("linear", cost, phase="serve", stage=name)]
    rows += law("softmax", lambda n: 0.001 * n, phase="serve", stage="recomputation")
    rows += [row("linear", 8192, None, phase="serve") | {"status": "oom"}]
    made = scaling.rows(rows)
    slopes = {(r["attention"], r["stage"]): r["value"] for r in made if r["metric"] == "time_slope"}
    assert slopes == pytest.approx(
        {("linear", "recomputation"): 0, ("linear", "recurrence"): -1, ("softmax", "recomputation"): 1}, abs=1e-9
    )
    assert only(made, "crossover")["note"] == "always from 128 to 4,096; recurrence against recomputation"


def test_the_rows_fit_the_table_and_say_how_they_were_made():
    shared = {"run": "r", "command": "profile", "dtype": "float32", "threads": 2, "torch": "2", "commit": "abc"}
    rows = [shared | r for r in law("softmax", float) + law("linear", lambda n: 300.0)]
    table = schema.table({}, scaling.rows(rows))
    assert table["metric"].to_list() == ["time_slope", "time_slope", "crossover"]
    for name, value in shared.items():
        assert set(table[name]) == {value}
    assert table["maxlen"].null_count() == len(table)


@pytest.mark.parametrize(
    ("name", "values"),
    [("phase", ("step", "encoder")), ("model", ("sasrec", "hstu")), ("width", (64, 128)), ("heads", (2, 4)),
     ("layers", (2, 3)), ("dtype", ("float32", "bfloat16"))],
)  # fmt: skip
def test_what_differs_in_size_or_format_has_a_curve_of_its_own(name, values):
    rows = [
        one
        for power, value in enumerate(values, 1)
        for one in law("a", lambda n, p=power: 0.003 * n**p, **{name: value})
    ]
    found = {row[name]: row["value"] for row in scaling.rows(rows) if row["metric"] == "time_slope"}
    assert found == {values[0]: pytest.approx(1), values[1]: pytest.approx(2)}


def test_what_is_made_of_a_curve_says_all_that_its_rows_say():
    labels = {"run": "r", "setup": "items 9", "command": "profile", "dataset": "d", "model": "sasrec",
              "objective": "next", "loss": "bce", "form": "causal", "heads": 2, "layers": 3, "seed": 4, "stage": None,
              "dtype": "float32", "threads": 5, "processes": 1, "benchmark": 6, "torch": "2", "linrec": "0",
              "commit": "c"} | SHARED  # fmt: skip
    made = scaling.rows(law("a", lambda n: 0.003 * n, **labels) + law("softmax", lambda n: 1e-5 * n**2, **labels))
    assert {row["metric"] for row in made} >= {"time_slope", "crossover"}
    for name in {*labels} - {"unit", "status", "stage"}:
        assert {row.get(name) for row in made} == {labels[name]}, name
