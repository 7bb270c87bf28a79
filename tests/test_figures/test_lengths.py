"""Figures show what the table says: lines, spread, crosses, labels, and nothing mixed."""

from datetime import UTC, datetime
from itertools import combinations, pairwise

import pytest
from matplotlib.collections import PolyCollection
from matplotlib.text import Text

from linrec_cli.figures import lengths
from linrec_cli.results import schema

HOW = {"width": 64, "heads": 2, "device": "cpu", "dtype": "float32", "threads": 1, "tokens": 4096}
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def timed(attention, maxlen, value, **more):
    spread = {} if value is None else {"value": value, "low": 0.9 * value, "high": 1.3 * value}
    row = {"command": "profile", "phase": "attention", "metric": "seconds", "unit": "s", "seed": 0}
    return HOW | row | {"attention": attention, "maxlen": maxlen, "created": EARLY} | spread | more


def trained(attention, maxlen, seed, **more):
    row = {"command": "train", "dataset": "ml-1m", "model": "sasrec", "layers": 2, "created": EARLY}
    return HOW | row | {"attention": attention, "maxlen": maxlen, "seed": seed} | more


def quality(attention, maxlen, seed, value, **more):
    return trained(attention, maxlen, seed, stage="test", metric="ndcg", k=10, value=value, **more)


def drawn(*rows):
    return list(lengths.every(schema.table({}, rows)))


def line(axes, name):
    return next(line for line in axes.lines if line.get_label() == name)


def test_a_line_a_mechanism_over_powers_of_two_in_milliseconds():
    (one,) = drawn(*(timed(a, n, s * n) for a, s in (("softmax", 1e-5), ("linear", 2e-5)) for n in (256, 128)))
    axes = one.figure.axes[0]
    assert axes.get_xscale() == "log"
    assert list(axes.xaxis.get_major_locator().locs) == [128, 256]
    assert list(line(axes, "softmax").get_xdata()) == [128, 256]
    assert list(line(axes, "linear").get_ydata()) == pytest.approx([2.56, 5.12])
    assert line(axes, "linear").get_color() != line(axes, "softmax").get_color()


def test_the_band_runs_between_the_quantiles():
    (one,) = drawn(timed("linear", 128, 0.01), timed("linear", 256, 0.01))
    (band,) = [c for c in one.figure.axes[0].collections if isinstance(c, PolyCollection)]
    heights = band.get_paths()[0].vertices[:, 1]
    assert (min(heights), max(heights)) == (pytest.approx(9.0), pytest.approx(13.0))


def test_a_length_that_ran_out_of_memory_is_a_cross_and_a_skipped_one_is_not():
    (one,) = drawn(timed("softmax", 128, 0.01), timed("softmax", 256, None, status="oom"),
                   timed("softmax", 512, None, status="skipped"))  # fmt: skip
    (axes,) = one.figure.axes
    cross = line(axes, "softmax oom")
    assert cross.get_marker() == "x"
    assert list(cross.get_xdata()) == [256]
    assert "softmax: out of memory" in [text.get_text() for text in axes.texts]
    assert list(line(axes, "softmax").get_xdata()) == [128]


def test_a_run_that_failed_is_a_cross_in_every_panel_of_training():
    rows = [quality("linear", n, 0, 0.1) for n in (50, 100)]
    rows += [trained("linear", n, 0, metric="peak_bytes", value=2.0**20) for n in (50, 100)]
    (one,) = drawn(*rows, trained("softmax", 50, 0, metric="run", status="oom"))
    assert [line(axes, "softmax oom").get_marker() for axes in one.figure.axes] == ["x", "x"]


def test_only_panels_that_have_data_are_drawn():
    (one,) = drawn(quality("linear", 50, 0, 0.1))
    assert [axes.get_title(loc="left") for axes in one.figure.axes] == ["NDCG@10, test"]


def test_nothing_measured_gives_no_figure():
    assert drawn(timed("softmax", 128, None, status="oom")) == []


def test_names_at_line_ends_do_not_overlap():
    (one,) = drawn(*(timed(f"mechanism-{i}", n, 0.01) for i in range(12) for n in (128, 256)))
    one.figure.draw_without_rendering()
    # The extent of the text alone: an annotation's own holds its leader too.
    boxes = sorted((Text.get_window_extent(text) for text in one.figure.axes[0].texts), key=lambda box: box.y0)
    assert len(boxes) == 12
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(boxes))


def test_points_of_a_single_length_have_a_row_each_the_best_above():
    failed = timed("hstu", 128, None, status="oom")
    (one,) = drawn(timed("softmax", 128, 0.01), timed("linear", 128, 0.005), timed("mean", 128, 0.02), failed)
    times, speedups = one.figure.axes
    assert [label.get_text() for label in times.get_yticklabels()] == ["linear", "softmax", "mean", "hstu"]
    assert line(times, "softmax").get_xydata().tolist() == [[10.0, 1.0]]
    (low, high), _ = times.collections[1].get_segments()[0].T
    assert (low, high) == (pytest.approx(9.0), pytest.approx(13.0))
    assert [text.get_text() for text in times.texts] == ["out of memory"]
    assert times.get_xlim()[0] == 0
    assert times.yaxis_inverted()
    assert times.get_xlabel() == "at length 128"
    assert [label.get_text() for label in speedups.get_yticklabels()] == ["linear", "mean"]
    assert list(line(speedups, "as fast").get_xdata()) == [1, 1]


def test_names_of_twenty_mechanisms_of_a_single_length_do_not_overlap():
    (one,) = drawn(*(timed(f"mechanism-{i}", 128, 0.01) for i in range(20)))
    one.figure.draw_without_rendering()
    boxes = sorted((t.get_window_extent() for t in one.figure.axes[0].get_yticklabels()), key=lambda box: box.y0)
    assert len(boxes) == 20
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(boxes))


@pytest.mark.parametrize("failed", [128, 256, 512])
def test_the_name_at_a_cross_stays_within_the_axes(failed):
    rows = [timed("linear", n, 0.01) for n in (128, 256, 512)]
    (one,) = drawn(*rows, timed("softmax-naive", failed, None, status="oom"))
    one.figure.draw_without_rendering()
    (axes,) = one.figure.axes
    (text,) = [text for text in axes.texts if "memory" in text.get_text()]
    box = Text.get_window_extent(text)
    assert axes.bbox.x0 < box.x0
    assert box.x1 < axes.bbox.x1


def test_a_long_heading_stays_within_a_narrow_figure():
    (one,) = drawn(quality("linear", 50, 0, 0.1, dataset="a-data-set-with-a-very-long-name-indeed"))
    one.figure.draw_without_rendering()
    heading = next(text for text in one.figure.texts if text.get_text().startswith("sasrec"))
    assert heading.get_window_extent().x1 < one.figure.bbox.x1


def sloped(attention, metric, value, **more):
    return timed(attention, None, value, metric=metric, **more)


def crossed(attention, value, baseline="softmax", **more):
    return timed(attention, None, value, metric="crossover", stage=baseline, **more)


def panel(one, title):
    return next(axes for axes in one.figure.axes if axes.get_title(loc="left") == title)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_the_exponent_stands_beside_the_name_in_the_panel_of_its_metric():
    times = [timed(name, n, 0.01) for name in ("softmax", "linear") for n in (128, 256)]
    peaks = [timed("linear", n, 2.0**20, metric="peak_bytes", stage="rss") for n in (128, 256)]
    (one,) = drawn(*times, *peaks, sloped("softmax", "time_slope", 0.987), sloped("linear", "memory_slope", -0.001))
    assert {*texts(panel(one, "time, ms"))} == {"softmax  $T^{\\,0.99}$", "linear"}
    assert texts(panel(one, "peak memory, MiB")) == ["linear  $T^{\\,0.00}$"]


def test_a_crossover_is_marked_where_both_are_as_fast_and_only_against_the_baseline_that_is_drawn():
    times = [timed(name, n, n * s) for name, s in (("softmax", 1e-4), ("linear", 5e-5)) for n in (128, 256, 512)]
    (one,) = drawn(*times, crossed("linear", 203.4), crossed("linear", 77.0, baseline="softmax-naive"))
    axes = panel(one, "speed-up over softmax")
    assert list(*line(axes, "linear crossover").get_xydata()) == pytest.approx([203.4, 1.0])
    assert texts(axes) == ["linear, from 203"]
    assert one.points.filter(panel="crossover", baseline="softmax")["value"].to_list() == [203.4]


@pytest.mark.parametrize("lengths", [(128, 256), (128,)])
def test_what_was_timed_beside_others_is_ringed_over_lengths_and_at_one_alone(lengths):
    times = [timed(name, n, 1e-4 * n, contended=name == "linear") for name in ("softmax", "linear") for n in lengths]
    (one,) = drawn(*times)
    axes = panel(one, "time, ms")
    rings, mine = line(axes, "contended"), line(axes, "linear")
    assert rings.get_xydata().tolist() == mine.get_xydata().tolist()
    assert rings.get_markersize() > mine.get_markersize()
    assert f"contended: linear at {', '.join(map(str, lengths))} (ringed" in one.figure.get_supxlabel()
    quiet = drawn(*(row | {"contended": False} for row in times))[0]
    assert "contended" not in quiet.figure.get_supxlabel()


@pytest.mark.parametrize("lengths", [(128, 256), (128,)])
def test_names_beside_lines_and_rows_are_no_formulas(lengths):
    (one,) = drawn(*(timed("$x_1$", n, 0.01) for n in lengths), sloped("$x_1$", "time_slope", 0.5))
    (axes,) = one.figure.axes
    said = texts(axes) + [label.get_text() for label in axes.get_yticklabels()]
    assert any(text.startswith(r"\$x_1\$") for text in said)
    assert not any(text.startswith("$x_1$") for text in said)


def test_the_memory_that_a_cell_ran_out_of_is_a_dashed_line_below_its_cross():
    peaks = [timed("softmax", 128, 2.0**28, metric="peak_bytes", stage="rss")]
    gone = timed("softmax", 256, None, metric="peak_bytes", status="oom", low=2.0**30)
    (one,) = drawn(*peaks, gone)
    (axes,) = one.figure.axes
    limit = line(axes, "limit")
    assert limit.get_linestyle() == "--"
    assert list(limit.get_ydata()) == [1024, 1024]
    assert axes.get_ylim()[1] > 1024
    assert list(line(axes, "softmax oom").get_xdata()) == [256]
    assert "limit 1,024 MiB" in texts(axes)


def test_ways_to_serve_are_lines_of_their_own_in_the_colour_of_their_mechanism():
    ways = [("softmax", "cache", 3.0), ("softmax", "recomputation", 9.0), ("linear", "recurrence", 1.0)]
    rows = [timed(name, n, s, phase="serve", stage=way) for name, way, s in ways for n in (128, 256)]
    state = [timed("linear", n, 2048, phase="serve", stage="recurrence", metric="state_bytes") for n in (128, 256)]
    (one,) = drawn(*rows, *state)
    axes = panel(one, "time, ms")
    cache, again = (line(axes, f"softmax, {way}") for way in ("cache", "recomputation"))
    assert cache.get_color() == again.get_color() != line(axes, "linear, recurrence").get_color()
    assert cache.get_linestyle() != again.get_linestyle()
    # Of the baseline the quickest way counts.
    assert one.points.filter(panel="speedup")["value"].to_list() == [3.0, 3.0]
    assert list(line(panel(one, "kept for each user, KiB"), "linear, recurrence").get_ydata()) == [2, 2]


@pytest.mark.parametrize(("wide", "across"), [(3.3, 1), (7.0, 2), (None, 2)])
def test_panels_stand_side_by_side_as_far_as_the_width_goes_and_nothing_touches(wide, across):
    names = ("softmax", "linear", "linear-gated:gate=false")
    rows = [timed(name, n, n * 1e-4) for name in names for n in (128, 256, 512, 1024, 2048, 4096, 8192)]
    table = schema.table({}, rows + [row | {"metric": "peak_bytes", "stage": "rss"} for row in rows])
    (one,) = lengths.every(table, wide)
    one.figure.draw_without_rendering()
    assert one.figure.get_figwidth() == pytest.approx(wide or 9.6)
    # Three panels: where two stand side by side, the third takes the whole row.
    boxes = [axes.get_tightbbox() for axes in one.figure.axes]
    assert (boxes[1].y0 > boxes[0].y1 or boxes[1].y1 < boxes[0].y0) == (across == 1)
    assert (boxes[2].width > 1.5 * boxes[1].width) == (across == 2)
    for axes in one.figure.axes:
        inside = [axes.transData.transform((tick, 0))[0] for tick in axes.get_xticks()]
        ticks = [label.get_window_extent() for label, _ in zip(axes.get_xticklabels(), inside, strict=True)]
        assert len(ticks) == 7
        assert all(left.x1 < right.x0 for left, right in pairwise(sorted(ticks, key=lambda box: box.x0)))
        for text in axes.texts:
            box = Text.get_window_extent(text)
            assert 0 <= box.x0 < box.x1 <= one.figure.bbox.x1


@pytest.mark.parametrize("wide", [3.3, 4.0, 7.0, None])
def test_ways_to_serve_are_legible_in_a_column_of_a_paper(wide):
    growth = {
        "softmax": (("cache", 1), ("recomputation", 2)),
        "linear-gated": (("recurrence", 0), ("recomputation", 1)),
    }
    ways = [(name, way, power) for name, own in growth.items() for way, power in own]
    reached = [2**power for power in range(7, 14)]
    rows = [timed(name, n, 1e-6 * n**power, phase="serve", stage=way) for name, way, power in ways for n in reached]
    slopes = [sloped(name, "time_slope", power, phase="serve", stage=way) for name, way, power in ways]
    (one,) = lengths.every(schema.table({}, rows + slopes), wide)
    one.figure.draw_without_rendering()
    for axes in one.figure.axes:
        bottom, top = axes.get_ylim()
        assert 3 <= len([tick for tick in axes.get_yticks() if bottom <= tick <= top]) <= 10
        high = [label.get_window_extent() for label in axes.get_yticklabels()]
        assert all(below.y1 < above.y0 for below, above in pairwise(sorted(high, key=lambda box: box.y0)))
        written = [Text.get_window_extent(text) for text in [*axes.texts, axes.title, *axes.get_xticklabels()]]
        assert not [1 for a, b in combinations(written, 2) if a.width and b.width and a.overlaps(b)]
        assert all(0 <= box.x0 <= box.x1 <= one.figure.bbox.x1 for box in written)
        assert axes.bbox.width > 0.3 * one.figure.bbox.width / (1 if (wide or 9) < 7 else 2)


def test_a_panel_of_many_names_is_high_enough_for_all():
    names = [f"softmax:some={number}" for number in range(30)]
    (one,) = drawn(*(timed(name, n, 0.01) for name in names for n in (128, 256)))
    assert one.figure.get_figheight() == pytest.approx(30 * 0.17 + 0.7 + 0.7)


def caption(*rows):
    return drawn(*rows)[0].caption


def test_the_caption_says_how_the_length_drives_an_exponent_at_the_same_tokens_or_sequences():
    times = [timed("linear", n, 0.01) for n in (128, 256)]
    assert "T^x" not in caption(*times)
    assert "at fixed tokens quadratic cost is 1, linear cost 0" in caption(*times, sloped("linear", "time_slope", 0.84))
    alike = [timed("linear", n, 0.01, tokens=8 * n) for n in (128, 256)]
    assert "at a fixed batch quadratic cost is 2" in caption(*alike, sloped("linear", "time_slope", 1.0, tokens=None))


def test_the_caption_says_how_many_samples_there_were_and_what_bands_are():
    times = [timed("linear", n, 0.01, samples=[0.01] * count) for n, count in ((128, 20), (256, 31))]
    assert "times: the median of 20 to 31 samples; bands: 20 to 80 % of them" in caption(*times)
    again = [row | {"run": "again", "seed": 1} for row in times]
    said = caption(*times, *again)
    assert "20 to 80" not in said
    assert "times: the median of 40 to 62 samples; bands: the lowest to the highest median of 2 runs" in said


def test_times_of_one_sample_each_have_neither_a_median_nor_bands():
    times = [timed("linear", n, 0.01, samples=[0.01], low=0.01, high=0.01) for n in (128, 256)]
    said = caption(*times)
    assert "times: one sample each." in said
    assert "band" not in said
    more = timed("linear", 256, 1.0, samples=[1.0] * 20)
    assert "times: the median of 1 to 20 samples; bands:" in caption(times[0], more)


def test_the_caption_of_one_length_speaks_of_rows_and_bars_and_of_no_lines():
    said = caption(*(timed(name, 1024, 0.01, samples=[0.01] * 20) for name in ("softmax", "linear")))
    assert "Cost at length 1,024, a row a mechanism, the best above." in said
    assert "bars: 20 to 80 % of them" in said
    assert "line a mechanism" not in said
    said = caption(*(quality(name, 50, 0, 0.1) for name in ("softmax", "linear")))
    assert "Quality and cost at length 50, a row a mechanism, the best above." in said
    assert "one seed; bars of quality" in said


def test_the_caption_says_what_was_skipped_and_what_all_skipped_does_not_stretch_the_axis():
    peak = {"metric": "peak_bytes", "unit": "B", "stage": "rss"}
    rows = [timed(name, n, n * 1e-4) for name in ("softmax", "linear") for n in (128, 256)]
    rows += [timed("linear", 128, 2.0**20, **peak), timed("linear", 256, None, **peak, status="skipped")]
    rows += [timed("softmax", 512, None, **more, status="oom") for more in ({}, peak)]
    rows += [timed("softmax", 8192, None, **more, status="skipped") for more in ({}, peak)]
    (one,) = drawn(*rows)
    assert "skipped, time: softmax at 8,192; skipped, peak memory: linear at 256; softmax at 8,192." in one.caption
    for title, reached in (("time, ms", [128, 256, 512]), ("peak memory, MiB", [128, 512])):
        axes = panel(one, title)
        assert list(axes.xaxis.get_major_locator().locs) == reached
        assert axes.get_xlim()[1] < 700
    assert "skipped" not in caption(*rows[:4])


def test_one_length_beside_skipped_ones_has_rows():
    rows = [timed(name, 128, 0.01) for name in ("softmax", "linear")]
    (one,) = drawn(*rows, timed("linear", 256, None, status="skipped"))
    assert one.figure.axes[0].get_xlabel() == "at length 128"
    assert "skipped, time: linear at 256" in one.caption


def test_the_caption_of_serving_says_what_a_state_costs_and_what_is_kept():
    times = [timed("linear", n, 0.01, phase="serve", stage="recurrence", tokens=8 * n) for n in (128, 256)]
    slope = sloped("linear", "time_slope", 0.0, phase="serve", stage="recurrence", tokens=None)
    assert "quadratic cost is 2, linear cost 1, a state's cost 0" in caption(*times, slope)
    assert "kept for each user" not in caption(*times)
    kept = [row | {"metric": "state_bytes", "value": 1024.0} for row in times]
    assert "kept for each user: the state of a recurrence, or a cache" in caption(*times, *kept)


def test_bands_over_runs_are_told_where_any_length_has_several():
    times = [timed("linear", n, 0.01, samples=[0.01] * 20) for n in (128, 256)]
    assert "the lowest to the highest median of 2 runs" in caption(*times, times[1] | {"run": "again", "seed": 1})


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_the_caption_of_trainings_says_what_was_timed_beside_others(seeds):
    cells = [(n, seed) for n in (50, 100) for seed in seeds]
    cost = {"stage": "train", "metric": "seconds_per_epoch", "value": 2.0}
    rows = [quality("linear", *cell, 0.1) for cell in cells]
    rows += [trained("linear", *cell, **cost, contended=cell[0] == 100) for cell in cells]
    assert "contended: linear at 100" in caption(*rows)


def test_the_caption_says_whether_bands_are_over_seeds_or_over_users():
    one = [quality("linear", n, 0, 0.1) for n in (50, 100)]
    assert "one seed; bands of quality: one standard error over users" in caption(*one)
    several = [quality("linear", n, seed, 0.1) for n in (50, 100) for seed in (0, 1, 2)]
    assert "over 3 seeds; bands from the lowest to the highest" in caption(*several)
    assert "of one seed" not in caption(*several)
    mixed = caption(*several, quality("softmax", 50, 0, 0.1))
    assert "over 1 to 3 seeds; bands from the lowest to the highest" in mixed
    assert "of one seed: one standard error over users" in mixed


def test_models_that_are_told_when_the_target_was_stand_in_a_figure_apart_and_it_says_so():
    rows = [quality("linear", 50, 0, 0.1, time_aware=aware) for aware in (False, True)]
    plain, aware = drawn(*rows)
    assert "told when the target was" in aware.caption
    assert "told when the target was" in aware.figure.get_supxlabel()
    assert "told when" not in plain.caption


def test_a_name_says_what_was_trained_on_and_what_of_it_is_not_usual():
    rows = [quality("linear", 50, 0, 0.1), quality("linear", 50, 0, 0.1, width=128, split="ratio:train=.5")]
    assert [one.stem for one in drawn(*rows)] == ["train-ml-1m-length", "train-ml-1m-w128-ratio-train=.5-length"]
    assert [one.stem for one in drawn(timed("linear", 128, 0.01))] == ["attention-length"]


@pytest.mark.parametrize("every", [(128, 256), (128,)])
def test_a_panel_in_which_nothing_was_measured_is_left_out_of_its_figure(every):
    peak = {"metric": "peak_bytes", "unit": "B", "stage": "rss"}
    rows = [timed(name, maxlen, 0.1) for name in ("linear", "softmax") for maxlen in every]
    rows += [timed(name, maxlen, None, status="skipped", **peak) for name in ("linear", "softmax") for maxlen in every]
    other = [timed("linear", maxlen, 5e6, width=128, **peak) for maxlen in every]
    alone, beside = drawn(*rows)[0].figure, drawn(*rows, *other)[0].figure
    assert len(beside.axes) == len(alone.axes)
