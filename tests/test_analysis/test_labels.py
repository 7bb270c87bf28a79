"""Mechanisms and metrics are called the same everywhere."""

from itertools import product

import pytest

from linrec_cli import catalog
from linrec_cli.analysis.baseline import baselines
from linrec_cli.analysis.labels import mechanism, metric_label, metric_of
from linrec_cli.analysis.markup import escaped, escaped_line
from linrec_cli.analysis.reading import read
from linrec_cli.errors import UsageError
from linrec_cli.evaluation.summary import of_lists


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"attention": "linear", "options": "", "model": "sasrec"}, "linear"),
        ({"attention": "linear", "options": "a=1:b=2"}, "linear:a=1:b=2"),
        ({"attention": "", "model": "markov:order=2"}, "markov:order=2"),
        ({"attention": None, "options": None, "model": "popular"}, "popular"),
        ({}, ""),
    ],
)
def test_a_mechanism_has_its_options_and_a_model_that_takes_none_its_own_name(row, name):
    assert mechanism(row) == name


def test_the_expression_says_what_the_function_says():
    names, options, models = (None, "", "linear"), (None, "", "a=1"), (None, "popular")
    rows = [dict(zip(("attention", "options", "model"), row, strict=True)) for row in product(names, options, models)]
    assert [name or "" for name in read(rows)["mechanism"]] == [mechanism(row) for row in rows]


def test_every_metric_is_called_by_its_title_and_its_cut_off():
    assert metric_label({"metric": "ndcg", "k": 10}) == "NDCG@10"
    assert metric_label({"metric": "seconds_per_epoch", "k": None}) == "seconds_per_epoch"
    for name in catalog.names("metrics"):
        title = catalog.load("metrics", name).TITLE
        assert metric_label({"metric": name, "k": 5}) == f"{title}@5"
        assert metric_label({"metric": name}) == title
        if not of_lists(name):
            assert metric_of(f"{name.upper()}@5") == {"metric": name, "k": 5}


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("ndgc@10", "did you mean 'ndcg'"),
        ("ndcg", "ndcg@10"),
        ("ndcg@0", "ndcg@10"),
        ("ndcg@x", "@10"),
        ("gini@10", "of lists"),
    ],
)
def test_what_is_no_metric_of_users_with_a_cut_off_is_refused(label, why):
    with pytest.raises(UsageError, match=why):
        metric_of(label)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a", "softmax-naive", "softmax", "softmax:x=1"], ["softmax", "softmax-naive", "softmax:x=1"]),
        (["a", "softmax-naive"], ["softmax-naive"]),
        # Neither begins with a form's name and ends there.
        (["b", "softmaxed", "a-softmax"], ["b"]),
        ([], []),
    ],
)
def test_the_baseline_is_softmax_then_its_forms_or_else_the_first(names, found):
    assert baselines(names) == found


@pytest.mark.parametrize(
    ("text", "inline", "line"),
    [
        ("linear-gated:gate=false 200 train", None, None),
        ("peak_bytes", None, None),
        ("_a_b_", r"\_a_b\_", r"\_a_b\_"),
        ("a*b|`c`<d>$e$~f~[g](h)", r"a\*b\|\`c\`\<d>\$e\$\~f\~\[g\](h)", r"a\*b\|\`c\`\<d>\$e\$\~f\~\[g\](h)"),
        ("a\\b", r"a\\b", r"a\\b"),
        ("a & b &amp; &#36;", r"a & b \&amp; \&#36;", r"a & b \&amp; \&#36;"),
        ("# a", "# a", r"\# a"),
        ("- a", "- a", r"\- a"),
        ("1. a", "1. a", r"1\. a"),
        ("1.5 a", None, None),
        ("a\nb", "a b", "a b"),
    ],
)
def test_markdown_shows_names_letter_for_letter(text, inline, line):
    assert (escaped(text), escaped_line(text)) == (inline or text, line or text)
