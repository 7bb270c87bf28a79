"""`linrec profile` writes its rows, shows them, and says by its exit code whether anything was measured."""

import json

import polars as pl
import pytest

from linrec_cli import catalog, machine
from linrec_cli.analysis import baseline
from linrec_cli.cli import profile, run
from linrec_cli.profiling import bench
from linrec_cli.profiling.cell import cells
from linrec_cli.results import store
from linrec_cli.settings import Profile

# Enough for each pass to take more than the counter of memory can miss.
SMALL = ["profile", "--tokens", "2048", "--maxlen", "16,32", "--width", "64", "--items", "50", "--budget", "0.3",
         "--threads", "1", "--device", "cpu", "--attn", "softmax,linear", "--phase", "attention"]  # fmt: skip
CELL = {"attention": "linear", "options": "", "maxlen": 16, "phase": "step", "metric": "seconds", "unit": "s"}
ROW = CELL | {"status": "ok", "value": 0.5, "low": 0.4, "high": 0.6, "samples": [0.4, 0.5, 0.6]}


def planted(monkeypatch, *cells):
    monkeypatch.setattr(bench, "run", lambda *args, **more: iter(cells))


def test_a_small_profile_end_to_end(tmp_path, capsys):
    assert run([*SMALL, "--json", "--results-dir", str(tmp_path)]) == 0
    document = json.loads(capsys.readouterr().out)
    table = store.read(tmp_path)
    # Of the layer and of each part seconds, peak, operations, bytes and two rates, and of the layer what is kept.
    assert len(table) == len(document["rows"]) == 2 * 2 * (3 * 6 + 1)
    assert table.filter(pl.col("status") != "ok").is_empty()
    assert table["value"].min() > 0
    times = table.filter(metric="seconds")
    assert times.select((pl.col("low") <= pl.col("value")) & (pl.col("value") <= pl.col("high"))).to_series().all()
    assert set(table.filter(attention="softmax")["kernel"]) <= {"sdpa.flash", "sdpa.math"}
    assert set(table["unit"]) == {"s", "B", "1", "1/s", "B/s"}
    assert set(table["form"]) == {"causal"}
    for name in ("run", "created", "command", "device", "dtype", "threads", "torch", "linrec", "benchmark", "width"):
        assert table[name].null_count() == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert store.read_settings(folder / store.SETTINGS)["maxlen"] == [16, 32]
    assert set(table["run"]) == {folder.name}


def test_the_table_says_ratio_and_reason(tmp_path, capsys, monkeypatch):
    slow = ROW | {"attention": "softmax", "value": 1.0, "low": 0.9, "high": 1.1}
    gone = CELL | {"maxlen": 32, "status": "oom", "note": "memory was capped"}
    planted(monkeypatch, [slow], [ROW], [gone])
    assert run(["profile", "--results-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "0.50x" in shown.out
    assert "oom" in shown.out
    assert "linear at 32: oom, memory was capped" in shown.err


def test_nothing_measured_is_exit_code_4_and_the_rows_are_written(tmp_path, monkeypatch):
    planted(monkeypatch, [CELL | {"status": "timeout", "note": "no answer"}])
    assert run(["profile", "--results-dir", str(tmp_path)]) == 4
    assert store.read(tmp_path)["status"].to_list() == ["timeout"]


@pytest.mark.parametrize(("status", "code"), [("error", 4), ("oom", 0), ("timeout", 0), ("skipped", 0)])
def test_a_cell_that_is_an_error_is_exit_code_4_though_others_were_measured(
    tmp_path, monkeypatch, capsys, status, code
):
    planted(monkeypatch, [ROW], [CELL | {"maxlen": 32, "status": status, "note": "the reason"}])
    assert run(["profile", "--results-dir", str(tmp_path)]) == code
    assert ("linrec: a cell failed; its row says why." in capsys.readouterr().err) == (code == 4)


def test_interrupted_what_was_measured_is_written(tmp_path, monkeypatch):
    def broken(*args, **more):
        yield [ROW]
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "run", broken)
    assert run(["profile", "--results-dir", str(tmp_path)]) == 130
    assert store.read(tmp_path)["value"].to_list() == [0.5]


@pytest.mark.parametrize(
    ("error", "code", "said"), [(KeyboardInterrupt(), 130, "interrupted"), (SystemExit(143), 143, "terminated")]
)
def test_who_stops_it_is_told_how_to_go_on(tmp_path, monkeypatch, capsys, error, code, said):
    def broken(*args, **more):
        raise error

    monkeypatch.setattr(bench, "run", broken)
    assert run(["profile", "--results-dir", str(tmp_path)]) == code
    assert capsys.readouterr().err.splitlines()[-1] == f"linrec: {said}; start the same command again to go on."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--attn", "linaer"], "did you mean 'linear'"),
        (["--phase", "stepp"], "did you mean 'step'"),
        (["--maxlen", "0"], "--maxlen 0 is out of range"),
        (["--maxlen", "a"], "whole numbers"),
        (["--dtype", "float64"], "no dtype 'float64'"),
        (["--width", "65"], "does not split"),
        (["--budget", "0"], "--budget 0.0 is out of range"),
        (["--width", "64,65"], "--width 65 does not split into --heads 2"),
        (["--heads", "two"], "whole numbers"),
        (["--tokens", "64", "--batch", "2"], "give one of --tokens"),
        (["--tokens", "0"], "give one of --tokens"),
        (["--model", "sasrek"], "did you mean 'sasrec'"),
        (["--runs", "0"], "--runs"),
        (["--batch", "-1"], "--batch -1 is out of range"),
    ],
)
def test_what_cannot_be_is_a_usage_error(options, message, tmp_path, capsys):
    assert run(["profile", *options, "--results-dir", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err


def test_sizes_are_lists_and_a_batch_stands_in_place_of_tokens(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(bench, "run", lambda settings, *args, **more: asked.append((settings, more)) or iter([[ROW]]))
    given = "--batch 3 --width 8,16 --heads 1,2 --dtype float32,bfloat16 --roofline --force"
    assert run(["profile", *given.split(), "--results-dir", str(tmp_path)]) == 0
    assert run(["profile", "--results-dir", str(tmp_path)]) == 0
    (settings, how), (plain, _) = asked
    assert (settings.batch, settings.tokens, plain.batch, plain.tokens) == (3, 0, 0, 16_384)
    assert (settings.width, settings.heads, settings.dtype) == ((8, 16), (1, 2), ("float32", "bfloat16"))
    assert how == {"force": True, "ceilings": True, "done": []}


def test_what_the_machine_can_do_is_told_and_is_no_cell(tmp_path, capsys, monkeypatch):
    machine = {"phase": "machine", "stage": "copy", "metric": "bytes_per_second", "unit": "B/s", "dtype": "float32"}
    planted(monkeypatch, [machine | {"status": "ok", "value": 5e9}])
    assert run(["profile", "--results-dir", str(tmp_path)]) == 4
    assert "ceiling of copy, float32: 5 GB a second" in capsys.readouterr().err


def test_tables_fit_in_eighty_columns(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    long = CELL | {"attention": "softmax-naive", "maxlen": 131072, "kernel": "sdpa.flash", "width": 64, "heads": 2,
                   "dtype": "float32", "status": "ok"}  # fmt: skip
    values = {"seconds": 9.99, "wall_seconds": 9.98, "peak_bytes": 2.0**36, "saved_bytes": 2.0**36,
              "roofline_share": 0.99, "joules": 123.0}  # fmt: skip
    lines = [long | {"metric": metric, "value": value, "low": 5.0, "high": 9.0} for metric, value in values.items()]
    planted(monkeypatch, lines)
    assert run(["profile", "--results-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert any(
        "131072  softmax-naive" in line and "9,980    65,536 " in line and line.rstrip().endswith("123")
        for line in shown
    )


@pytest.mark.parametrize(
    ("phases", "models", "forms"),
    [
        (("attention",), ("sasrec",), {"causal"}),
        (("serve",), ("bert4rec",), {"causal"}),
        (("step", "evaluate"), ("bert4rec",), {"bidirectional"}),
        (("step", "attention"), ("bert4rec",), {"causal", "bidirectional"}),
        (("step",), ("bert4rec", "sasrec", "popular"), {"causal", "bidirectional"}),
    ],
)
def test_where_no_mechanism_is_named_all_that_have_the_forms_measured_are_the_baseline_first(phases, models, forms):
    names = profile.usual(Profile(phase=phases, model=models))
    assert names[0] == baseline.NAME
    assert names[1:] == sorted({*names} - {baseline.NAME})
    every = {name: catalog.load("attentions", name).FORMS for name in catalog.names("attentions")}
    assert {*names} == {name for name, own in every.items() if forms <= {*own}}


def test_all_of_them_are_measured_where_none_is_named(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(bench, "run", lambda settings, *args, **more: asked.append(settings) or iter([[ROW]]))
    assert run(["profile", "--results-dir", str(tmp_path)]) == 0
    assert asked[0].attn == tuple(profile.usual(Profile()))


FEW = ["profile", "--attn", "linear", "--phase", "step", "--maxlen", "16,32", "--tokens", "64"]


@pytest.fixture
def cut(tmp_path, monkeypatch):
    """A sweep of two lengths that was cut short after the first, and what is asked of the next one."""
    asked = []
    described = {"device": "cpu x", "torch": "2.9", "linrec": "0.1", "commit": "abc"}
    monkeypatch.setattr(machine, "describe", lambda device: described)
    rows = [
        cell.labels
        | {"phase": "step", "metric": "seconds", "unit": "s", "status": "ok", "value": 0.5, "samples": [0.5]}
        for maxlen in (16, 32)
        for cell in next(cells(Profile(attn=("linear",), phase=("step",), maxlen=(maxlen,), tokens=64)))
    ]

    def swept(settings, *args, done, **more):
        asked.append([row["maxlen"] for row in done])
        yield from [[row] for row in rows if row["maxlen"] not in asked[-1]][: 1 if len(asked) == 1 else 2]
        if len(asked) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(bench, "run", swept)
    assert run([*FEW, "--results-dir", str(tmp_path)]) == 130
    return asked, described


def test_the_same_command_goes_on_with_what_was_cut_short(cut, tmp_path, capsys):
    asked, _ = cut
    assert run([*FEW, "--results-dir", str(tmp_path)]) == 0
    assert asked == [[], [16]]
    assert "was cut short: 1 of 2 parts stand" in capsys.readouterr().err
    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert store.read(tmp_path)["maxlen"].to_list() == [16, 32]
    # It is finished now: the next one is measured anew, in a folder of its own.
    assert run([*FEW, "--results-dir", str(tmp_path), "--runs", "2"]) == 0
    assert asked[2:] == [[], []]
    assert len(list((tmp_path / "runs").iterdir())) == 3


@pytest.mark.parametrize("attn", ["softmax:foo=1", "local:window=abc", "local:window=0", "softmax,linear:bogus=2"])
def test_a_wrong_option_of_a_mechanism_is_a_usage_error_before_anything_is_measured(attn, tmp_path, capsys):
    assert run(["profile", "--attn", attn, "--results-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_new_runs_do_not_go_into_what_they_are_compared_with(tmp_path, capsys):
    assert run(["profile", "--against", str(tmp_path), "--results-dir", f"{tmp_path}/."]) == 2
    assert "give another --results-dir" in capsys.readouterr().err


def test_against_measures_what_base_did_and_leaves_by_its_verdict(tmp_path, monkeypatch):
    asked, share = [], [1.5]

    def swept(settings, *args, **more):
        asked.append(settings)
        for cell in next(cells(settings)):
            seconds = 0.2 * (share[0] if cell.attn == "linear" else 1.0)
            row = cell.labels | {"phase": "step", "metric": "seconds", "unit": "s", "status": "ok"}
            yield [row | {"value": seconds * (1 + 0.01 * (len(asked) % 3)), "samples": [seconds]}]

    monkeypatch.setattr(bench, "run", swept)
    base, new = str(tmp_path / "base"), str(tmp_path / "new")
    what = ["--attn", "softmax,linear", "--phase", "step", "--maxlen", "16", "--tokens", "64", "--threads", "3"]
    assert run(["profile", *what, "--runs", "5", "--results-dir", base]) == 0
    assert run(["profile", "--against", base, "--results-dir", new]) == 0
    assert len(asked) == 10
    assert len(set(asked)) == 1
    share[0] = 1.8
    assert run(["profile", "--against", base, "--results-dir", new]) == 5
    # Five runs, and five more that confirm what they showed.
    assert len(asked) == 20
