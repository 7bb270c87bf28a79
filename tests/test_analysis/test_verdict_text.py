"""What a person and a pull request read of verdicts."""

from dataclasses import replace

from linrec_cli.analysis import pairs
from linrec_cli.analysis.verdict import Rule, Verdict
from linrec_cli.analysis.verdict_text import legend, lines, markdown, names, notes, sentence

CELL = dict.fromkeys(pairs.CELL) | {
    "command": "profile", "attention": "linear", "options": "", "maxlen": 512, "phase": "step", "metric": "seconds",
    "width": 64, "heads": 2, "tokens": 1024, "dtype": "float32", "device": "cpu x", "threads": 2,
}  # fmt: skip
SLOW = Verdict("regression", CELL, "time", "x softmax", (1.0, 1.1, 1.2), (1.3, 1.4, 1.5), 0.2727, 0.012)
PEAK = Verdict("ok", CELL | {"metric": "peak_bytes", "stage": "rss"}, "memory", "B", (2.0**20,), (2.0**20,), 0.0, 0.0)
TRAINED = CELL | {"command": "train", "dataset": "ml-100k", "phase": None, "metric": "ndcg", "k": 10, "stage": "test"}
QUALITY = Verdict("inconclusive", TRAINED, "quality", "1", (0.1,), (0.2,), 1.0, 0.1, None, "one seed")
GONE = Verdict("incomparable", CELL | {"maxlen": 1024}, "time", "x softmax", (1.0,), (), note="NEW: oom, too large")
ALL = [SLOW, QUALITY, PEAK, GONE]


def test_a_line_says_cell_metric_values_change_and_noise():
    assert list(lines(ALL)) == [
        ("regression", "linear 512 step", "time", "1.100x", "1.400x", "+27.3 %", "1.2 %"),
        ("inconclusive", "linear 512 train", "NDCG@10", "0.1000", "0.2000", "+100.0 %", "10.0 %"),
        ("ok", "linear 512 step", "memory", "1.0 MiB", "1.0 MiB", "+0.0 %", "0.0 %"),
        ("incomparable", "linear 1024 step", "time", "1.000x", "–", "–", "–"),
    ]


def test_a_gpus_time_and_that_of_its_host_have_names_of_their_own():
    waited = Verdict("ok", CELL | {"metric": "wall_seconds"}, "time", "s")
    assert [line[2] for line in lines([SLOW, waited])] == ["time", "wall time"]


def test_a_name_says_no_more_than_tells_cells_apart():
    other = Verdict("ok", CELL | {"width": 128, "tokens": 2048}, "time", "s")
    third = Verdict("ok", CELL | {"maxlen": 64, "dtype": "bfloat16"}, "time", "s")
    assert names([SLOW, other, third]) == ["linear 512 step width 64", "linear 512 step width 128", "linear 64 step"]
    served = Verdict("ok", CELL | {"phase": "serve", "stage": "recurrence", "options": "a=1"}, "time", "s")
    held = Verdict("ok", served.cell | {"metric": "peak_bytes", "stage": "recurrence.rss"}, "memory", "B")
    assert names([served, held]) == ["linear:a=1 512 serve recurrence"] * 2


def test_a_model_without_a_mechanism_is_called_by_its_own_name():
    popular = Verdict("ok", TRAINED | {"attention": "", "model": "popular"}, "quality", "1")
    assert names([popular]) == ["popular 512 train"]


def test_the_same_name_of_other_data_is_told_apart_by_the_digest():
    one, other = (Verdict("ok", TRAINED | {"data_digest": digest}, "quality", "1") for digest in "de")
    assert names([one, other]) == ["linear 512 train data_digest d", "linear 512 train data_digest e"]


def test_a_cost_is_a_median_and_a_quality_a_mean():
    """Of 1, 2 and 6 the median is 2 and the mean 3."""
    cost = Verdict("ok", CELL, "time", "s", (1e-3, 2e-3, 6e-3), (1e-3, 1e-3, 4e-3))
    quality = Verdict("ok", TRAINED, "quality", "1", (0.1, 0.2, 0.6), (0.1, 0.1, 0.4))
    assert [line[3:5] for line in lines([cost, quality])] == [("2 ms", "1 ms"), ("0.3000", "0.2000")]


def test_names_are_no_markup():
    odd = Verdict("incomparable", TRAINED | {"attention": "_a|b*<i>$"}, "quality", "1", note="`why`")
    other = replace(odd, cell=TRAINED)
    text = markdown([odd, other], Rule())
    assert r"| incomparable | \_a\|b\*\<i>\$ 512 train | NDCG@10 |" in text
    assert r"- incomparable, \`why\`: \_a\|b\*\<i>\$ 512 train NDCG@10" in text
    assert r"as a multiple of \_a\<i>'s beside it" in markdown([odd], Rule(yardstick="_a<i>"))


def test_one_sentence_sums_up_and_every_reason_is_a_line():
    assert sentence(ALL) == (
        "Of 4 numbers, 1 worse, 1 inconclusive, 1 unchanged as far as can be seen, 1 not compared; "
        "the worst is time of linear 512 step, +27.3 %."
    )
    assert sentence([PEAK]) == "Of 1 number, 0 worse, 1 unchanged as far as can be seen."
    assert list(notes(ALL)) == [
        "inconclusive, one seed: linear 512 train NDCG@10",
        "incomparable, NEW: oom, too large: linear 1024 step time",
    ]
    many = [Verdict("incomparable", CELL | {"maxlen": n}, "time", "s", note="why") for n in (1, 2, 3, 4, 5)]
    assert list(notes(many)) == [
        "incomparable, why: linear 1 step time, linear 2 step time, linear 3 step time and 2 more"
    ]


def test_markdown_is_a_table_with_a_cell_for_every_column():
    text = markdown(ALL, Rule())
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(ALL)
    assert {line.count("|") for line in table} == {8}
    assert table[2].startswith("| **regression** | linear 512 step |")
    assert sentence(ALL) in text
    assert legend(Rule()) in text
    assert "- inconclusive, one seed" in text
    assert "<details>" not in markdown([PEAK], Rule())


def test_the_legend_says_which_limits_and_which_quantile_they_are():
    text = legend(Rule(time=0.09, memory=0.03, quality=0.07, quantile=0.25))
    assert "9 % in time, 3 % in memory, 7 % in quality" in text
    assert "(25 % quantile of a run's samples) as a multiple of softmax's beside it" in text
    assert "in seconds" in legend(Rule(yardstick=""))
