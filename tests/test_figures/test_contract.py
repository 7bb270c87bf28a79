"""Every figure of the folder draws what it says it needs, whatever things are called."""

from functools import cache
from xml.etree import ElementTree

import polars as pl
import pytest

from linrec_cli import catalog, figures
from linrec_cli.plots.drawn import Drawn
from linrec_cli.plots.render import rendered
from linrec_cli.results import schema

FIGURES = catalog.names("figures")
ODD = ("$x_1^2$", "a$b", r"\\frac{$1$}_^", "linear")
SIZE = {"model": "m$o_d$", "width": 8, "heads": 2, "layers": 1, "tokens": 512, "device": "c$p$u", "dtype": "float32",
        "threads": 1}  # fmt: skip


def rows():
    """Give a table in which there is something to draw for all figures: trainings, steps, a layer, its machine."""
    for place, name in enumerate(ODD, 1):
        train = SIZE | {"command": "train", "dataset": "d$a$", "attention": name, "run": f"t{place}", "stage": "train"}
        for maxlen in (50, 100):
            own = train | {"maxlen": maxlen}
            yield own | {"stage": "test", "metric": "ndcg", "k": 10, "value": 0.1 * place, "low": 0.0, "high": 1.0}
            yield own | {"metric": "seconds_per_epoch", "value": float(place)}
            yield own | {"metric": "peak_bytes", "value": 2.0**20 * place}
        for phase in ("attention", "step"):
            cell = SIZE | {"command": "profile", "attention": name, "run": "p", "phase": phase, "contended": place == 2}
            for maxlen in (50, 100, 200):
                made = {"seconds": 0.01 * place, "operations": 1e9 * place, "bytes_moved": 1e9, "flops_per_second": 1e9}
                yield from (cell | {"maxlen": maxlen, "metric": m, "value": value} for m, value in made.items())
            yield cell | {"maxlen": 400, "metric": "seconds", "status": "oom"}
            yield cell | {"metric": "time_slope", "value": 0.5}
    machine = SIZE | {"command": "profile", "run": "p", "phase": "machine"}
    yield from (machine | {"stage": stage, "metric": "x", "value": 1e10} for stage in ("copy", "matmul"))


TABLE = schema.table({}, rows())


@cache
def drawn(name):
    """Draw the table, once for all tests."""
    return list(catalog.load("figures", name).every(TABLE))


@cache
def widened():
    """Draw all figures of the table as wide as is asked for, once for all tests."""
    return list(figures.draw(TABLE, 7.0))


@cache
def written(name):
    """Give beside each figure all that is written in it, without its spaces."""
    pages = [ElementTree.fromstring(rendered(one.figure, "svg")) for one in drawn(name)]
    return [(one, "".join(map(letters, page.iter()))) for one, page in zip(drawn(name), pages, strict=True)]


def letters(node):
    """Give the letters of a text, nothing of any other node."""
    return "".join("".join(node.itertext()).split()) if node.tag.endswith("}text") else ""


@pytest.mark.parametrize("name", FIGURES)
def test_it_says_what_it_needs_and_draws_it(name):
    assert catalog.load("figures", name).NEEDS
    assert drawn(name)
    for one in drawn(name):
        assert isinstance(one, Drawn)
        assert one.command in ("train", "profile")
        assert len(one.points)
        # A table of lists could not be written as CSV.
        assert pl.read_csv(one.points.write_csv().encode(), infer_schema=False).columns == one.points.columns


@pytest.mark.parametrize("name", FIGURES)
def test_names_are_shown_letter_for_letter(name):
    for _, said in written(name):
        # A figure need not name mechanisms, nor say where it was measured.
        assert all(odd in said for odd in ODD) or not any(odd in said for odd in ("linear", "frac"))
        assert SIZE["device"] in said or "threads1" not in said


@pytest.mark.parametrize("name", FIGURES)
def test_what_is_contended_is_said(name):
    for one, said in written(name):
        crowded = "contended" in one.points.columns and one.points["contended"].any()
        assert ("contended:a$bat" in said) == crowded


def test_all_are_as_wide_as_asked_for():
    assert {one.figure.get_figwidth() for one in widened()} == {7.0}


@pytest.mark.parametrize("name", FIGURES)
def test_where_there_is_nothing_it_draws_nothing(name):
    every = catalog.load("figures", name).every
    assert list(every(TABLE.clear())) == []
    assert list(every(TABLE.with_columns(status=pl.lit("oom").cast(schema.COLUMNS["status"]), value=None))) == []


def test_all_figures_are_drawn_of_a_table_or_of_rows_each_under_a_name_of_its_own():
    alone = [one.stem for name in FIGURES for one in drawn(name)]
    assert [one.stem for one in widened()] == alone
    assert len({*alone}) == len(alone)
    assert [one.stem for one in figures.draw(list(rows()))] == alone
    assert {*figures.needs()} == {*FIGURES}
