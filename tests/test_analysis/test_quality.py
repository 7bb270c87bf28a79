"""Tables and sentences of quality: means over seeds beside medians of costs, worked by hand."""

from datetime import UTC, datetime

import pytest

from linrec_cli.analysis import quality
from linrec_cli.results import schema

EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
RUN = {"command": "train", "dataset": "d", "data_digest": "x", "model": "sasrec", "width": 8, "layers": 1, "heads": 2,
       "setup": "s", "protocol": "full", "seen": "remove", "split": "leave-one-out", "maxlen": 50, "device": "cpu",
       "threads": 1, "created": EARLY}  # fmt: skip


def run(attention, seed, ndcg, seconds=None, peak=None, **more):
    """Make the rows of a training: quality with a standard error of .01, and its costs."""
    own = RUN | {"run": f"{attention}-{seed}-{ndcg}", "attention": attention, "seed": seed} | more
    test = own | {"stage": "test", "k": 10}
    quality = [{"metric": "recall", "value": 2 * ndcg}, {"metric": "ndcg", "value": ndcg, "high": ndcg + 0.01}]
    # Of another cut-off, and of other items.
    others = [quality[1] | {"k": 5, "value": 0.9}, quality[1] | {"stage": "valid", "value": 0.8}]
    costs = [
        own | {"stage": "train", "metric": metric, "value": value}
        for metric, value in (("seconds_per_epoch", seconds), ("peak_bytes", peak))
        if value is not None
    ]
    return [test | row for row in quality + others] + costs


def table(*runs):
    return schema.table({}, [row for rows in runs for row in rows])


SOME = (
    run("linear", 0, 0.1, 1, 2**20),
    run("linear", 1, 0.2, 2, 2**21),
    run("linear", 2, 0.6, 6, 2**22),
    run("softmax", 0, 0.25, 3.0),
)


def test_a_line_is_a_mean_over_seeds_and_a_median_over_costs_the_best_first():
    """Of .1, .2 and .6: mean .3, standard deviation (.07) ** .5; of 1, 2 and 6 the median is 2."""
    ((title, columns, lines, caption, of),) = quality.trained(table(*SOME), {})
    assert title == "d, sasrec: width 8, 1 layer, 2 heads; cpu, threads 1"
    assert columns == ["maxlen", "attention", "seeds", "NDCG@10", "±", "Recall@10", "s an epoch", "peak MiB"]
    assert lines == [
        ["50", "linear", "3", "0.3000", "0.2646", "0.6000", "2", "2"],
        ["50", "softmax", "1", "0.2500", "0.0100", "0.5000", "3", "–"],
    ]
    assert caption.startswith("test items, leave-one-out, ranked among all items, seen items removed.")
    assert (of["dataset"], of["setup"]) == ("d", "s")


def test_a_seed_that_was_trained_again_counts_once_and_its_cost_too():
    again = run("linear", 0, 0.4, 9, 2**20, created=LATE)
    ((_, _, lines, *_),) = quality.trained(table(*SOME[:3], again), {})
    # .4, .2, .6 and 9, 2, 6.
    assert lines == [["50", "linear", "3", "0.4000", "0.2000", "0.8000", "6", "2"]]


@pytest.mark.parametrize(
    "key",
    ["dataset", "data_digest", "model", "width", "layers", "heads", "setup", "benchmark", "protocol", "seen", "split"],
)
def test_numbers_made_differently_have_tables_of_their_own(key):
    other = 99 if isinstance(RUN.get(key), int) or key == "benchmark" else "other"
    assert len(list(quality.trained(table(SOME[3], run("linear", 0, 0.1, **{key: other})), {}))) == 2


def test_what_failed_is_in_no_table():
    bad = [row | {"status": "error", "value": None} for row in run("mean", 0, 0.1)]
    assert list(quality.trained(table(bad), {})) == []
    ((_, _, lines, *_),) = quality.trained(table(run("softmax", 0, 0.25, 3.0), bad), {})
    assert [line[1] for line in lines] == ["softmax"]


def test_an_evaluation_has_a_table_of_any_items_and_no_costs():
    how = {"command": "evaluate", "stage": "valid", "protocol": "uni100"}
    rows = [row | how for row in run("linear", 0, 0.1)]
    ((_, columns, lines, caption, _),) = quality.evaluated(table(rows[:3]), {})
    assert columns[-1] == "Recall@10"
    assert lines == [["50", "linear", "1", "0.1000", "0.0100", "0.2000"]]
    assert caption.startswith("valid items, leave-one-out, ranked among 100 negatives (uni100)")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"protocol": "uni100"}, ("--protocol full", "--protocol uni100")),
        ({"seen": "rank"}, ("--seen remove", "--seen rank")),
        ({"benchmark": 99}, (f"benchmark {schema.BENCHMARK}", "benchmark 99")),
        ({"data_digest": "y"}, ("data x", "data y")),
    ],
)
def test_no_two_tables_have_the_same_title(more, said):
    first = run("linear", 0, 0.1)
    second = [row | more for row in run("linear", 1, 0.1)]
    of_trainings = [title for title, *_ in quality.trained(table(first, second), {})]
    assert [title.rpartition(", ")[2] for title in of_trainings] == [*said]
    again = [[row | {"command": "evaluate"} for row in one[:2]] for one in (first, second)]
    of_evaluations = [title for title, *_ in quality.evaluated(table(*again), {})]
    assert of_evaluations == [f"evaluation of {title}" for title in of_trainings]


def test_evaluations_of_two_stages_have_a_table_each():
    how = {"command": "evaluate", "protocol": "full"}
    test = [row | how for row in run("linear", 0, 0.1)[:2]]
    valid = [row | {"stage": "valid", "created": LATE} for row in test]
    found = quality.evaluated(table(test, valid), {})
    assert sorted(caption.split()[0] for *_, caption, _ in found) == ["test", "valid"]


def test_a_sentence_ranks_mechanisms_of_a_length():
    assert list(quality.sentences(table(*SOME), {})) == [
        "d, sasrec, width 8, 1 layer, leave-one-out, maxlen 50, NDCG@10: linear 0.3000 (3 seeds), softmax 0.2500"
        " (1 seed)."
    ]
    assert list(quality.sentences(table(SOME[0]), {})) == []


def test_sentences_on_trainings_that_differ_in_what_none_of_them_says_name_the_settings():
    both = [run(name, 0, 0.1, setup=setup) for setup in ("s1", "s2") for name in ("linear", "softmax")]
    more = [run(name, 0, 0.1, model="core") for name in ("linear", "softmax")]
    said = [text.partition(", maxlen")[0] for text in quality.sentences(table(*both, *more), {})]
    shared = "width 8, 1 layer, leave-one-out"
    assert said == [f"d, sasrec, {shared}, settings s1", f"d, sasrec, {shared}, settings s2", f"d, core, {shared}"]


def test_options_tell_trainings_apart_and_where_they_do_not_the_settings():
    both = [run(name, 0, 0.1, setup=setup) for setup in ("s1", "s2", "s3") for name in ("linear", "softmax")]
    options = {"s1": "", "s2": "--ema 0.9", "s3": "--ema 0.9"}
    said = [text.partition(", maxlen")[0] for text in quality.sentences(table(*both), options)]
    shared = "d, sasrec, width 8, 1 layer, leave-one-out"
    assert said == [shared, f"{shared}, --ema 0.9, settings s2", f"{shared}, --ema 0.9, settings s3"]
    titles = [title.partition("threads 1")[2] for title, *_ in quality.trained(table(*both), options)]
    assert titles == ["", ", --ema 0.9, settings s2", ", --ema 0.9, settings s3"]


def test_over_lengths_a_sentence_gives_every_number_the_best_at_the_longest_first():
    short = [run("linear", seed, 0.3 + seed / 10) for seed in (0, 1)] + [run("softmax", 0, 0.1)]
    long = [run("linear", 0, 0.2, maxlen=100), run("softmax", 0, 0.4, maxlen=100), run("mean", 0, 0.1, maxlen=100)]
    alone = [run("linear", 0, 0.9, maxlen=200)]
    (said,) = quality.sentences(table(*alone, *long, *short), {})
    assert said.endswith(
        "maxlen 50, 100, NDCG@10: softmax 0.1000, 0.4000 (1 seed); linear 0.3500, 0.2000 (1 to 2 seeds);"
        " mean –, 0.1000 (1 seed)."
    )


def test_of_many_mechanisms_the_best_and_the_baseline_are_named():
    runs = [run(name, 0, ndcg) for name, ndcg in (("a", 0.1), ("b", 0.4), ("softmax", 0.2), ("c", 0.3))]
    (said,) = quality.sentences(table(*runs), {})
    assert said.endswith("NDCG@10: b 0.4000 (1 seed), softmax 0.2000 (1 seed), of 4 mechanisms.")
    (said,) = quality.sentences(table(*runs[:2], run("d", 0, 0.05), runs[3]), {})
    assert said.endswith("NDCG@10: b 0.4000 (1 seed), of 4 mechanisms.")


def test_a_caption_says_what_was_seen_and_what_events_are_ordered_by():
    ((*_, caption, _),) = quality.trained(table(run("linear", 0, 0.1, seen="rank", order="file order")), {})
    assert caption.startswith(
        "test items, leave-one-out, ranked among all items, seen items ranked, events ordered by file order."
    )
