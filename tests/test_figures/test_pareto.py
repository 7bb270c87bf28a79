"""Quality against cost: every point, name, failure and front member is what the table says, and can be read."""

import inspect
import random
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from matplotlib.collections import LineCollection
from matplotlib.text import Text

from linrec_cli import machine
from linrec_cli.cli import profile, train
from linrec_cli.figures import lengths, pareto
from linrec_cli.plots import style
from linrec_cli.plots.groups import groups, looks
from linrec_cli.results import schema

EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
SIZE = {"model": "sasrec", "width": 64, "heads": 2, "layers": 2, "device": "cpu", "dtype": "float32", "threads": 1}
RUN = SIZE | {"command": "train", "dataset": "ml-1m", "maxlen": 50, "seed": 0, "tokens": 1600, "created": EARLY}
STEP = {"command": "profile", "phase": "step", "metric": "seconds", "run": "p", "tokens": 4096}
NAMES = [
    "softmax", "linear", "linear-released", "linear-gated", "softmax-naive", "mean", "local", "lru", "elu", "efficient",
    "cosformer", "retention", "gated", "hstu", "ssd", "delta", "performer", "linformer", "nystrom", "low-rank",
]  # fmt: skip


def trained(attention, quality, ms, mib=100.0, **more):
    """The rows of one training run that ended well, and of a profile that timed its steps."""
    shared = RUN | {"attention": attention} | more
    same = {name: shared[name] for name in (*SIZE, "maxlen")}
    return [
        shared | {"stage": "test", "metric": "ndcg", "k": 10, "value": quality, "low": 0.0, "high": 1.0},
        # Trainings take no turns: what their epochs took is drawn nowhere.
        shared | {"stage": "train", "metric": "seconds_per_epoch", "value": 7.0},
        shared | {"stage": "train", "metric": "peak_bytes", "value": mib and mib * 2**20},
        *(step(attention, ms / 1000, **same) if ms else []),
    ]


def step(attention, seconds, **more):
    return [SIZE | STEP | {"attention": attention, "maxlen": 50, "seed": 0, "created": EARLY, "value": seconds} | more]


def failed(attention, status, **more):
    return [RUN | {"attention": attention, "stage": "train", "metric": "run", "status": status} | more]


KNOWN = {}
"""Figures by what they were drawn of: many tests look at the same."""


def drawn(*runs):
    rows = [row for run in runs for row in run]
    key = repr(rows)
    if key not in KNOWN:
        KNOWN[key] = list(pareto.every(schema.table({}, rows)))
    return KNOWN[key]


def many(count, seed=0, seeds=3):
    """Mechanisms that lie where chance has it, as a sweep might leave them."""
    chance = random.Random(seed)
    for name in NAMES[:count]:
        quality, cost, mib = chance.gauss(0.1, 0.005), chance.lognormvariate(1, 0.4), chance.lognormvariate(5, 0.2)
        for number in range(seeds):
            yield trained(name, quality + chance.gauss(0, 0.002), cost, mib, seed=number)


def line(axes, name):
    return next(line for line in axes.lines if line.get_label() == name)


def point(axes, name):
    (x,), (y,) = line(axes, name).get_data()
    return x, y


def boxes(axes):
    """The extent of each name alone: an annotation's own holds its leader too."""
    return {text.get_text(): Text.get_window_extent(text) for text in axes.texts}


def bold(axes):
    return {text.get_text() for text in axes.texts if text.get_fontweight() == "bold"}


def below(figure):
    return figure.get_supxlabel()


THREE = (trained("softmax", 0.12, 4.0, 300), trained("linear", 0.1, 2.0, 200), trained("mean", 0.09, 3.0, 250))
UNTIMED = (trained("softmax", 0.12, 0, 300), trained("linear", 0.1, 0, 200), trained("mean", 0.09, 0, 250))


def test_a_point_a_mechanism_with_quality_above_each_cost_on_logarithmic_axes():
    (one,) = drawn(*THREE)
    time, memory = one.figure.axes
    assert (time.get_xscale(), time.get_yscale(), memory.get_xscale()) == ("log", "linear", "log")
    assert (time.get_xlabel(), memory.get_xlabel()) == (
        "ms a step of 4,096 tokens, log scale",
        "peak memory, MiB, log scale",
    )
    assert time.get_title(loc="left") == "NDCG@10, test"
    assert point(time, "softmax") == pytest.approx((4.0, 0.12))
    assert point(memory, "linear") == pytest.approx((200, 0.1))
    assert set(boxes(time)) == set(boxes(memory)) == {"softmax", "linear", "mean"}


def test_steps_timed_beside_others_are_ringed_and_named():
    quiet, crowded = (step(name, 0.1 * n, contended=n == 2) for n, name in enumerate(("softmax", "linear"), 1))
    (one,) = drawn(*UNTIMED, quiet, crowded, step("mean", 0.3, contended=False))
    steps, memory = one.figure.axes
    assert [own.get_label() for own in memory.lines].count("contended") == 0
    assert point(steps, "contended") == pytest.approx((200.0, 0.1))
    assert "contended: linear at 50 (ringed" in below(one.figure)


def test_all_panels_have_one_scale_of_quality():
    (one,) = drawn(*THREE)
    assert len(one.figure.axes) == 2
    assert len({axes.get_ylim() for axes in one.figure.axes}) == 1


def test_quality_is_the_mean_over_seeds_and_its_bar_their_range():
    runs = [trained(name, 0.1 + 0.01 * seed, 2.0, seed=seed) for name in NAMES[:3] for seed in (0, 1, 2)]
    axes = drawn(*runs)[0].figure.axes[0]
    assert point(axes, "linear") == pytest.approx((2.0, 0.11))
    bars = [path.vertices for lines in axes.collections for path in lines.get_paths()]
    assert [sorted(bar[:, 1]) for bar in bars] == [pytest.approx([0.1, 0.12])] * 3


def test_one_seed_has_no_bar_for_its_error_is_over_users():
    axes = drawn(*THREE)[0].figure.axes[0]
    assert not [lines for lines in axes.collections if isinstance(lines, LineCollection)]
    assert [text.get_text() for text in drawn(*THREE)[0].figure.axes[-1].get_legend().texts] == ["Pareto front (bold)"]


def test_the_legend_says_what_the_line_and_the_bars_are():
    (one,) = drawn(*many(3))
    (found,) = [axes.get_legend() for axes in one.figure.axes if axes.get_legend()]
    assert [text.get_text() for text in found.texts] == ["Pareto front (bold)", "range of 3 seeds"]
    assert [line.get_color() for line in found.get_lines()] == [pareto.FRONT, "#555555"]


def beaten(one, others):
    """Whether any of the others is no worse in both and better in one: the definition, pair by pair."""
    return any(c <= one[0] and q >= one[1] and (c, q) != one for c, q in others)


@pytest.mark.parametrize("seed", range(20))
def test_the_front_is_what_no_other_beats(seed):
    chance = random.Random(seed)
    # Few values, so that many costs and qualities are equal.
    pairs = [(chance.randint(1, 6), chance.randint(1, 6)) for _ in range(12)]
    assert set(pareto.front(pairs)) == {one for one in pairs if not beaten(one, pairs)}


@pytest.mark.parametrize("panel", [0, 1])
def test_members_of_the_front_are_bold_and_corners_of_the_grey_line(panel):
    (one,) = drawn(*many(10, seed=2))
    axes = one.figure.axes[panel]
    points = {name: point(axes, name) for name in NAMES[:10]}
    members = {name for name in points if not beaten(points[name], points.values())}
    assert bold(axes) == members
    stairs = list(zip(*line(axes, "front").get_data(), strict=True))
    assert {points[name] for name in members} <= set(stairs)
    assert stairs[0] == (min(x for x, _ in points.values()), axes.get_ylim()[0])
    assert stairs[-1] == (axes.get_xlim()[1], max(y for _, y in points.values()))
    assert all(x0 == x1 or y0 == y1 for (x0, y0), (x1, y1) in pairwise(stairs))
    kind = ["step", "memory"][panel]
    assert set(one.points.filter("front", panel=kind)["mechanism"]) == members


def test_equal_points_are_both_on_the_front():
    axes = drawn(*THREE, trained("elu", 0.1, 2.0, 200))[0].figure.axes[0]
    assert bold(axes) == {"softmax", "linear", "elu"}


@pytest.mark.parametrize("wide", [None, 7.0])
@pytest.mark.parametrize(("count", "seed"), [(3, 0), (12, 1), (18, 2), (20, 3)])
def test_names_lie_within_the_axes_and_neither_on_each_other_nor_on_a_point(count, seed, wide):
    (one,) = drawn(*many(count, seed))
    figure = one.figure
    if wide:
        found = groups(schema.table({}, [row for rows in many(count, seed) for row in rows]))
        (keys,) = [group.keys for group in found if group.keys["command"] == "train"]
        figure = pareto.draw(keys | {"maxlen": [50]}, one.points, looks(found), wide)
    figure.draw_without_rendering()
    assert figure.get_figwidth() == (wide or pytest.approx(9.6))
    for axes in figure.axes:
        found, frame = boxes(axes), axes.bbox
        assert len(found) == min(count, 10)
        assert all(
            frame.x0 <= b.x0 and b.x1 <= frame.x1 and frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in found.values()
        )
        assert not [(a, b) for a in found for b in found if a < b and found[a].overlaps(found[b])]
        middles = axes.transData.transform([point(axes, name) for name in found])
        assert not [name for name, box in found.items() for x, y in middles if box.contains(x, y)]


def test_panels_that_a_narrow_figure_cannot_hold_stand_below_each_other():
    (one,) = drawn(*many(4))
    keys = SIZE | {"command": "train", "dataset": "ml-1m", "tokens": 1600, "maxlen": [50]}
    figure = pareto.draw(keys, one.points, style.looks(NAMES), 3.3)
    above, below_it = (axes.get_position() for axes in figure.axes)
    assert below_it.y1 < above.y0
    assert below_it.x0 == pytest.approx(above.x0)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["NDCG@10, test"] * 2


@pytest.mark.parametrize("wide", [3.3, 4.0, 7.0, 9.6])
def test_what_line_and_bars_are_is_not_written_over_the_title(wide):
    (one,) = drawn(*many(4))
    keys = SIZE | {"command": "train", "dataset": "ml-1m", "tokens": 1600, "maxlen": [50]}
    figure = pareto.draw(keys, one.points, style.looks(NAMES), wide)
    titles = [child for child in figure.findobj(Text) if child.get_text() == "NDCG@10, test"]
    (key,) = [axes.get_legend().get_window_extent() for axes in figure.axes if axes.get_legend()]
    assert titles
    assert not [title for title in titles if key.overlaps(title.get_window_extent())]


def test_of_many_points_ten_have_a_name_the_front_and_the_baseline_first_and_the_rest_are_grey():
    ranked = [(name, 0.1 + 0.001 * n, 1.0 + n) for n, name in enumerate(["softmax", *NAMES[1:13]])]
    # Cheaper and better than all but the best: with that one the front.
    runs = [trained(name, quality, ms) for name, quality, ms in ranked] + [trained("hstu", 0.1115, 0.5)]
    steps, memory = drawn(*runs)[0].figure.axes
    best = {name for name, quality, _ in ranked if quality > 0.1045}
    assert {*boxes(steps)} == {"hstu", "softmax", *best}
    assert {*bold(steps)} == {"hstu", ranked[-1][0]}
    others = line(steps, "others")
    assert others.get_color() == style.LIGHT
    assert sorted(others.get_xdata()) == [2.0, 3.0, 4.0, 5.0]
    assert "grey: 4 more" in below(steps.figure)
    assert len(line(memory, "others").get_xdata()) == 4


def test_the_cheapest_has_a_name_however_poor_it_is():
    runs = [trained(name, 0.1 + 0.001 * n, 20.0 - n, 100.0 + n) for n, name in enumerate(NAMES[:12])]
    steps, _ = drawn(*runs, trained("hstu", 0.01, 1.0, 200.0))[0].figure.axes
    assert "hstu" in boxes(steps)
    assert "hstu" in bold(steps)
    assert len(boxes(steps)) == 10


def test_a_mechanism_looks_as_in_the_other_figures():
    table = schema.table({}, [row for rows in many(10) for row in rows])
    lines = next(one.figure for one in lengths.every(table) if one.stem.startswith("train")).axes[0]
    axes = next(pareto.every(table)).figure.axes[0]
    for name in NAMES[:10]:
        mine, other = line(axes, name), line(lines, name)
        assert (mine.get_color(), mine.get_marker()) == (other.get_color(), other.get_marker())


def test_a_mechanism_that_failed_is_named_with_its_reason():
    (one,) = drawn(*THREE, failed("delta", "oom"), failed("lru", "error"))
    assert "delta: out of memory   lru: failed" in below(one.figure)
    assert not {"delta", "lru"} & set(boxes(one.figure.axes[0]))
    assert set(one.points.filter(mechanism="delta")["failure"]) == {"oom"}


def test_one_seed_of_several_that_failed_is_named_too_and_so_is_one_not_run():
    runs = [trained(name, 0.1, 2.0, seed=seed) for name in ("mean", "elu", "linear") for seed in (0, 1)]
    (one,) = drawn(*runs, trained("lru", 0.1, 2.0), failed("lru", "timeout", seed=1), trained("ssd", 0.1, 2.0))
    assert "lru: out of time in 1 of 2 runs   ssd: 1 of 2 runs" in below(one.figure)


def test_a_failure_that_was_made_good_is_forgotten():
    (one,) = drawn(*THREE[:2], failed("mean", "oom"), trained("mean", 0.1, 2.0, created=LATE))
    assert "mean" not in below(one.figure)


def test_a_mechanism_whose_memory_is_unknown_is_named_and_stays_in_the_other_panel():
    (one,) = drawn(*THREE, trained("lru", 0.1, 2.0, None))
    assert "lru" in boxes(one.figure.axes[0])
    assert "lru" not in boxes(one.figure.axes[1])
    assert "no peak memory: lru" in below(one.figure)


def test_two_mechanisms_make_no_figure_and_a_cost_of_two_no_panel():
    assert drawn(*THREE[:2], failed("mean", "oom")) == []
    assert drawn(*UNTIMED[:2], trained("mean", 0.1, 0, None), step("mean", 1.0), step("linear", 1.0)) == []
    (one,) = drawn(*UNTIMED, step("mean", 1.0), step("linear", 1.0))
    assert [axes.get_xlabel() for axes in one.figure.axes] == ["peak memory, MiB, log scale"]


def test_each_length_has_a_figure_and_a_file_of_its_own():
    short, long, both = drawn(*many(3), *(trained(name, 0.1, 2.0, maxlen=200) for name in NAMES[:3]))
    assert [one.stem for one in (short, long, both)] == ["pareto-ml-1m-50", "pareto-ml-1m-200", "pareto-ml-1m-50-200"]
    assert long.figure.get_suptitle().endswith("maxlen 200")
    assert both.figure.get_suptitle().endswith("maxlen 50, 200")


def test_all_lengths_stand_in_one_figure_each_named_and_joined_to_its_mechanism():
    lengths, both = (50, 100, 200), (("softmax", 0.1, 0.1), ("linear", 0.11, 0.2))
    runs = [trained(name, q + 0.01 * i, c * n, maxlen=n) for name, q, c in both for i, n in enumerate(lengths)]
    # Two mechanisms are too few for a figure of one length.
    (one,) = drawn(*runs)
    time, memory = one.figure.axes
    names = {f"{name} {n}" for name in ("softmax", "linear") for n in (50, 100, 200)}
    assert set(boxes(time)) == set(boxes(memory)) == names
    assert point(time, "softmax 100") == pytest.approx((10.0, 0.11))
    assert point(time, "linear 200") == pytest.approx((40.0, 0.13))
    colour = line(time, "linear 50").get_color()
    paths = [part for part in time.lines if part.get_color() == colour and len(part.get_xdata()) == 2]
    assert [list(part.get_xdata()) for part in paths] == [pytest.approx([10, 20]), pytest.approx([20, 40])]
    assert {"linear 50", "softmax 50"} <= bold(time)
    assert "a point a mechanism and length;" in one.caption
    assert pareto.JOINED in below(one.figure)


def test_a_figure_of_one_length_or_of_points_that_nothing_joins_speaks_of_no_lines_between_lengths():
    (one,) = drawn(*THREE)
    assert "a point a mechanism;" in one.caption
    assert pareto.JOINED not in below(one.figure)
    (apart,) = drawn(*(trained(name, 0.1, 2.0, maxlen=n) for name, n in zip(NAMES[:3], (50, 100, 200), strict=True)))
    assert "a point a mechanism and length;" in apart.caption
    assert pareto.JOINED not in below(apart.figure)


@pytest.mark.parametrize("key", ["dataset", "model", "width", "device", "threads", "setup"])
def test_runs_made_differently_never_share_a_figure(key):
    other = {"width": 128, "threads": 2}.get(key, "other")
    assert drawn(*THREE[:2], trained("mean", 0.1, 2.0, **{key: other})) == []


STEPS = [step(name, 0.1 * n) for n, name in enumerate(("softmax", "linear", "mean"), 1)]


def test_steps_that_a_profile_timed_in_turns_are_a_panel_and_what_epochs_took_is_none():
    axes = drawn(*UNTIMED, *STEPS)[0].figure.axes[0]
    assert len(drawn(*UNTIMED)[0].figure.axes) == 1
    assert axes.get_xlabel() == "ms a step of 4,096 tokens, log scale"
    assert point(axes, "linear") == pytest.approx((200.0, 0.1))


@pytest.mark.parametrize(
    "key",
    ["model", "width", "heads", "layers", "maxlen", "device", "dtype", "threads", "benchmark", "objective", "loss"],
)
def test_steps_of_another_size_machine_or_aim_are_not(key):
    other = {"model": "bert4rec", "device": "cuda", "dtype": "bfloat16", "objective": "cloze", "loss": "bce"}.get(
        key, 16
    )
    rows = [step(name, 0.1, **{key: other}) for name in ("softmax", "linear", "mean")]
    assert len(drawn(*UNTIMED, *rows)[0].figure.axes) == 1


def test_steps_of_a_profile_that_says_no_objective_are_of_any():
    runs = [trained(name, 0.1, 0, objective="next", loss="bce") for name in ("softmax", "linear", "mean")]
    assert len(drawn(*runs, *STEPS)[0].figure.axes) == 2


def test_steps_of_two_profiles_are_never_mixed_the_wider_wins_then_the_later():
    narrow = [step(name, 0.7, run="q", created=LATE) for name in ("softmax", "linear")]
    assert point(drawn(*UNTIMED, *STEPS, *narrow)[0].figure.axes[0], "linear")[0] == pytest.approx(200)
    again = [step(name, 0.7, run="q", created=LATE) for name in ("softmax", "linear", "mean")]
    assert point(drawn(*UNTIMED, *again, *STEPS)[0].figure.axes[0], "linear")[0] == pytest.approx(700)


def usual(command):
    """What the options of a command are where none is given."""
    return {name: one.default for name, one in inspect.signature(command).parameters.items()}


@pytest.mark.parametrize(("device", "native"), [("cuda", True), ("cuda", False), ("cpu", True)])
def test_steps_of_a_profile_are_of_the_trainings_where_neither_command_is_told_a_dtype(device, native, monkeypatch):
    monkeypatch.setattr(machine, "device", lambda name: device)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: native)
    timed, (cell,) = profile.asked(usual(profile.command)), train.laid_out(usual(train.command))
    assert timed.dtype == (cell.dtype,) == ("bfloat16" if (device, native) == ("cuda", True) else "float32",)
    own = {"device": device, "width": cell.width, "heads": cell.heads, "layers": cell.layers, "model": cell.model}
    runs = [trained(name, 0.1, 0, dtype=cell.dtype, **own) for name in ("softmax", "linear", "mean")]
    given = own | {"dtype": timed.dtype[0], "width": timed.width[0], "heads": timed.heads[0], "layers": timed.layers}
    steps = [step(name, 0.1, **given | {"model": timed.model[0]}) for name in ("softmax", "linear", "mean")]
    assert len(drawn(*runs, *steps)[0].figure.axes) == 2
