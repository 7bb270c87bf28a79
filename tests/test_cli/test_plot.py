"""`linrec plot` writes figures and, beside each, the table it was drawn from."""

import json

import polars as pl
import pytest

from linrec_cli import catalog
from linrec_cli.cli import run
from linrec_cli.results import schema, store

WHAT = {"command": "profile", "seed": 0, "phase": "step", "metric": "seconds", "unit": "s", "attention": "linear"}
ROW = WHAT | {"model": "sasrec", "maxlen": 128, "width": 8, "tokens": 128, "device": "cpu", "run": "one"}


@pytest.fixture
def results(tmp_path):
    store.write_frame(schema.table(ROW, [{"value": 0.5}]), store.folder(tmp_path, "one") / store.TABLE)
    return tmp_path


def test_every_format_and_the_points_have_the_same_stem(results, tmp_path, capsys):
    assert run(["plot", str(results), "-o", str(tmp_path / "out"), "--format", "png,svg", "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [name.rpartition(".")[2] for name in files] == ["png", "svg", "csv", "txt"]
    assert len({name.rpartition(".")[0] for name in files}) == 1
    assert pl.read_csv(files[2])["value"].to_list() == [500.0]


def test_one_mechanism_at_one_length_is_drawn_where_there_is_nothing_else(tmp_path, capsys):
    def stems(*trained):
        named = ({"model": model, "attention": attention} for model, attention in trained)
        rows = [WHAT | {"command": "train", "metric": "peak_bytes", "value": 1.0} | one for one in named]
        store.write_frame(schema.table(ROW, rows), store.folder(tmp_path, "one") / store.TABLE)
        assert run(["plot", str(tmp_path), "--format", "svg", "--json"]) == 0
        return [name.rpartition("/")[2] for name in json.loads(capsys.readouterr().out)["files"] if name[-3:] == "svg"]

    (first,), (second,) = stems(("core", "linear")), stems(("esasrec", "linear"))
    assert stems(("core", "linear"), ("esasrec", "linear")) == [first, second]
    assert stems(("core", "linear"), ("esasrec", "linear"), ("esasrec", "softmax")) == [second]


def test_the_same_results_give_the_same_bytes(results, tmp_path):
    rows = [{"metric": "ndcg", "stage": "test", "k": 10}, {"metric": "peak_bytes"}]
    trained = [WHAT | row | {"command": "train", "attention": f"a{i}", "value": 1.0} for i in range(9) for row in rows]
    store.write_frame(schema.table(ROW, trained), store.folder(results, "two") / store.TABLE)
    for name in ("one", "two"):
        assert run(["plot", str(results), "-o", str(tmp_path / name), "--format", "svg"]) == 0
    first, second = (sorted((tmp_path / name).glob("*.svg")) for name in ("one", "two"))
    assert len(first) == 3
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_quality_against_cost_is_written_with_its_points(tmp_path, capsys):
    shared = {
        "run": "one",
        "command": "train",
        "dataset": "ml-1m",
        "model": "sasrec",
        "maxlen": 50,
        "seed": 0,
        "width": 8,
        "tokens": 64,
    }
    rows = []
    for cost, name in enumerate(("softmax", "linear", "mean"), 1):
        rows.append({"attention": name, "stage": "test", "metric": "ndcg", "k": 10, "value": 0.1})
        rows.append({"attention": name, "stage": "train", "metric": "peak_bytes", "value": cost * 2**20})
    store.write_frame(schema.table(shared, rows), store.folder(tmp_path, "one") / store.TABLE)
    assert run(["plot", str(tmp_path), "-o", str(tmp_path / "out"), "--format", "svg", "--json"]) == 0
    names = [name.rpartition("/")[2] for name in json.loads(capsys.readouterr().out)["files"]]
    stems = ("train-ml-1m-w8-length", "pareto-ml-1m-w8-50")
    assert names == [f"{stem}.{suffix}" for stem in stems for suffix in ("svg", "csv", "txt")]
    assert "quality against cost" in (tmp_path / "out" / names[5]).read_text().casefold()
    points = pl.read_csv(tmp_path / "out" / names[4]).sort("cost")
    assert points.select("mechanism", "cost", "front").rows() == [
        ("softmax", 1.0, True),
        ("linear", 2.0, False),
        ("mean", 3.0, False),
    ]


def test_what_was_drawn_before_and_is_no_longer_is_removed(results, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["plot", str(results), "-o", str(out), "--format", "svg"]) == 0
    (out / "mine.svg").touch()
    store.write_frame(schema.table(ROW | {"phase": "encoder"}, [{"value": 0.5}]), results / "runs/one" / store.TABLE)
    assert run(["plot", str(results), "-o", str(out), "--format", "svg"]) == 0
    assert sorted(path.name for path in out.glob("*.svg")) == ["encoder-w8-length.svg", "mine.svg"]


ODD = "NEEDS = 'x'\ndef every(table, wide=None):\n    yield from ()\n    raise KeyError('no such column')\n"


def test_a_figure_that_cannot_be_drawn_is_one_line_and_all_others_are_drawn(results, tmp_path, capsys, add):
    out = tmp_path / "out"
    assert run(["plot", str(results), "-o", str(out), "--format", "svg"]) == 0
    drawn = sorted(path.name for path in out.iterdir())
    (out / "odd-figure.svg").touch()
    store.write_frame(schema.table(ROW | {"run": "two"}, [{"value": 0.6}]), results / "runs/one" / store.TABLE)
    add("figures/odd.py", ODD)
    capsys.readouterr()
    assert run(["plot", str(results), "-o", str(out), "--format", "svg"]) == 0
    said = capsys.readouterr().err
    assert said == (
        "figure 'odd' (figures/odd.py, line 4) cannot be drawn: KeyError: 'no such column'; mend the file, or take it"
        " away.\n"
    )
    assert sorted(path.name for path in out.iterdir()) == sorted([*drawn, "odd-figure.svg"])
    assert run(["report", str(results), "-o", str(out / "page.html")]) == 0
    assert capsys.readouterr().err.startswith(said)
    assert (out / "page.html").stat().st_size


def test_what_was_drawn_before_stays_where_a_figure_cannot_be_drawn_now(results, tmp_path, add):
    out = tmp_path / "out"
    assert run(["plot", str(results), "-o", str(out), "--format", "svg"]) == 0
    before = {path.name for path in out.glob("*.svg")}
    store.write_frame(schema.table(ROW | {"phase": "encoder"}, [{"value": 0.5}]), results / "runs/one" / store.TABLE)
    add("figures/odd.py", ODD)
    assert run(["plot", str(results), "-o", str(out), "--format", "svg"]) == 0
    assert before < {path.name for path in out.glob("*.svg")}


@pytest.mark.parametrize(("command", "name"), [("plot", "out"), ("report", "page.html")])
def test_the_results_may_be_named_by_an_option_and_the_output_by_its_former_name(results, tmp_path, command, name):
    for option in ("-o", "--output", "--out"):
        path = tmp_path / option / name
        assert run([command, "--results-dir", str(results), option, str(path)]) == 0
        assert path.exists()


@pytest.mark.parametrize("command", ["plot", "report", "recommend", "export"])
def test_what_is_written_is_named_alike_by_all_commands(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert run([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert "--output" in said
    assert "--out " not in said


def test_three_trainings_that_differ_in_length_alone_are_drawn_against_cost(tmp_path, capsys):
    shared = ROW | {"command": "train", "dataset": "d", "phase": None, "stage": "test"}
    quality, peak = (
        {"metric": "ndcg", "k": 10, "value": 0.1},
        {"metric": "peak_bytes", "stage": "train", "value": 2.0**20},
    )
    rows = [row | {"maxlen": maxlen} for maxlen in (50, 100, 200) for row in (quality, peak)]
    store.write_frame(schema.table(shared, rows), store.folder(tmp_path, "one") / store.TABLE)
    assert run(["plot", str(tmp_path), "--format", "svg"]) == 0
    assert "pareto-d-w8-50-100-200.svg" in capsys.readouterr().out
    assert run(["plot", "--help"]) == 0
    assert "three trainings or more differ in mechanism or length" in " ".join(capsys.readouterr().out.split())


def test_no_results_is_a_data_error(tmp_path):
    assert run(["plot", str(tmp_path)]) == 3


def test_results_without_a_number_cannot_be_drawn_and_each_figure_says_what_it_needs(tmp_path, capsys):
    store.write_frame(schema.table(ROW, [{"status": "oom"}]), store.folder(tmp_path, "one") / store.TABLE)
    assert run(["plot", str(tmp_path)]) == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    for name in catalog.names("figures"):
        assert f"{name} needs " in error


@pytest.mark.parametrize("name", ["$x_1^2$", "a$b", r"\\frac{$"])
def test_a_name_that_looks_like_a_formula_breaks_neither_figures_nor_report(tmp_path, capsys, name):
    odd = [{"attention": "x", "options": name, "device": name, "value": 0.5, "run": name}]
    train = {
        "command": "train",
        "dataset": name,
        "stage": "test",
        "metric": "ndcg",
        "k": 10,
        "phase": None,
        "value": 0.1,
    }
    store.write_frame(
        schema.table(ROW, [*odd, odd[0] | train, odd[0] | train | {"attention": "y"}]),
        store.folder(tmp_path, "one") / store.TABLE,
    )
    assert run(["plot", str(tmp_path), "-o", str(tmp_path / "out"), "--format", "svg,png"]) == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 2
    assert run(["report", str(tmp_path), "-o", str(tmp_path / "page.html")]) == 0


def test_an_unknown_format_is_a_usage_error(results, capsys):
    assert run(["plot", str(results), "--format", "pngg"]) == 2
    assert "did you mean 'png'" in capsys.readouterr().err
