"""Whatever a name holds, the terminal shows it letter for letter."""

import io
import os
import signal
import warnings
from pathlib import Path

import polars as pl
import pytest

from linrec_cli import cli
from linrec_cli.cli import console, recommend
from linrec_cli.results import schema, store
from linrec_cli.runs.stream import Answer

ODD = "[red]x[/red] :smile: \x1b[31m\x1b]0;y\x07\r\nz"
PLAIN = r"[red]x[/red] :smile: \x1b[31m\x1b]0;y\x07 z"


@pytest.mark.parametrize("wide", [60, 80, 85, 90, 120])
def test_whatever_is_broken_in_a_table_no_number_is_cropped(wide, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(wide))
    console.stream.cache_clear()
    columns = ("verdict", "cell", "metric", "base", "new", "change", "noise")
    rows = [
        ("inconclusive", "linear-gated:gate=false 200 x", "validation memory", "1.3 MiB", "1.4 MiB", "+0.5 %", "1.7 %"),
        ("ok", "softmax 200 x", "memory", "133.3 MiB", "133.4 MiB", "+0.6 %", "1.8 %"),
    ]  # fmt: skip
    console.table("title", columns, rows)
    console.stream.cache_clear()
    lines = capsys.readouterr().out.splitlines()
    for row in rows:
        assert any(all(cell in line for cell in row[3:]) for line in lines), lines
    assert any(all(name in line for name in columns) for line in lines)
    assert len({len(line) for line in lines if line.strip()}) == 1
    if wide == 120:
        assert len([line for line in lines if "MiB" in line or " x" in line]) == len(rows)


def test_a_warning_of_linrecs_own_is_one_line_as_its_errors_are(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    own, other = (warnings.formatwarning(ODD, UserWarning, file, 7) for file in ("linrec", "numpy.py"))
    assert own == f"linrec: {PLAIN}\n"
    assert other.startswith("numpy.py:7: UserWarning: ")


@pytest.mark.parametrize(
    "write",
    [
        lambda: console.line(ODD),
        lambda: console.page(f"{ODD.replace(chr(10), '')}\nmore\n"),
        lambda: console.say(ODD),
        lambda: console.fail(ODD),
        lambda: console.sentences([ODD]),
        lambda: console.table(ODD, ["column"], [["cell"]]),
        lambda: console.table("title", [ODD], [["cell"]]),
        lambda: console.table("title", ["column"], [[ODD]]),
        lambda: console.table("title", ["column"], [["cell"]], ODD),
    ],
)
def test_a_name_is_shown_letter_for_letter_wherever_it_stands(write, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    write()
    said = "".join(capsys.readouterr())
    # A title is as wide as its table.
    assert "".join(PLAIN.removesuffix(" z").split()) in "".join(said.split())
    assert not set(said) & set("\x1b\x07\r")


def test_a_table_that_is_wider_than_the_terminal_loses_no_letter(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    numbers = [f"0.{n}555 ±0.00{n}6" for n in range(1, 7)]
    console.table("t", ["metric", *(f"run-{n}" for n in range(6))], [["NDCG@10", *numbers], ["repeat_share", *numbers]])
    said = capsys.readouterr().out
    assert all(said.count(cell) == 2 for cell in numbers)
    assert "NDCG@10" in said
    assert "repeat_share" in said
    # One that fits is as wide as it is.
    console.table("t", ["metric", "run"], [["NDCG@10", numbers[0]]])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 40


@pytest.mark.parametrize("spec", ["performer:features=8", "linear-released:norm=false", "softmax-naive:rotary=true"])
def test_a_mechanism_is_broken_at_its_colons_alone_and_only_where_it_has_to_be(spec, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    console.stream.cache_clear()
    numbers = ["1,234.5"] * 9
    console.table("t", ["attention", *map(str, range(9))], [[spec, *numbers]])
    words = [word for line in capsys.readouterr().out.splitlines() for word in line.split() if word[0].isalpha()]
    assert "".join(words[2:]) == spec
    assert {*words[2:]} <= {spec, *spec.replace(":", ": ").split()}
    console.table("t", ["attention", "0"], [["performer:features=8", "1"]])
    assert "performer:features=8" in capsys.readouterr().out
    console.stream.cache_clear()


def test_a_page_keeps_its_own_lines(capsys):
    console.page("a\n\n  b\n")
    assert capsys.readouterr().out == "a\n\n  b\n"


def test_what_is_done_is_shown_letter_for_letter_in_progress(monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr("sys.stderr", terminal)
    terminal.isatty = lambda: True
    with console.progress(console.described()) as progress:
        progress.add_task(ODD)
    assert PLAIN in terminal.getvalue()
    assert "\x1b[31m" not in terminal.getvalue()
    assert "\x07" not in terminal.getvalue()


def test_an_answer_of_a_stream_is_a_line_whatever_its_ids_hold():
    one = Answer(1, "u\x1b[2J", ["a\tb", "c\nd", 5], [1.0, 0.5, 0.1])
    assert recommend.line(one, as_json=False) == "u\\x1b[2J\ta b,c d,5"
    assert "\x1b" not in recommend.line(one, as_json=True)


@pytest.mark.parametrize(
    "asked",
    [
        ["show", "odd"],
        ["show"],
        ["show", "no\x1b[31m"],
        ["report", "--format", "md"],
        ["compare", "results", "results"],
        ["compare", "results", "results", "--format", "md"],
    ],
)
def test_no_command_passes_on_what_a_foreign_table_holds(asked, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    odd = {"run": ODD, "dataset": ODD, "attention": ODD, "options": ODD, "note": ODD, "device": ODD, "kernel": ODD}
    common = {"command": "train", "data_digest": "d", "setup": "s", "model": ODD, "maxlen": 50, "seed": 0, "width": 8,
              "layers": 1, "heads": 1, "stage": "test", "metric": "ndcg", "unit": "1", "k": 10, "value": 0.5,
              "loss": ODD, "protocol": "full", "split": ODD, "seen": "remove", "dtype": "float32"}  # fmt: skip
    rows = [{}, {"status": "error", "value": None, "metric": ODD}]
    store.write_frame(schema.table(common | odd, rows), Path("results/runs/odd") / store.TABLE)
    store.write_settings({"data": ODD, "source": ODD, "attn": "linear"}, Path("results/runs/odd") / store.SETTINGS)
    cli.run(asked)
    said = "".join(capsys.readouterr())
    assert said
    assert not set(said) & set("\x1b\x07\r")
    if "md" in asked:
        assert not [line for line in said.splitlines() if line.startswith("z")]


@pytest.mark.parametrize("command", ["evaluate", "train", "preprocess"])
def test_a_command_that_is_terminated_says_so_in_one_line(command, tmp_path, monkeypatch, capsys):
    def stopped(*_: object, **__: object) -> pl.DataFrame:
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("it went on")

    monkeypatch.chdir(tmp_path)
    for place in ("linrec_cli.runs.find.find", "linrec_cli.runs.data.prepare", "linrec_cli.data.store.open_prepared"):
        monkeypatch.setattr(place, stopped)
    before = signal.getsignal(signal.SIGTERM)
    arguments = {"evaluate": ["evaluate", "x"], "train": ["train"], "preprocess": ["preprocess", "ml-100k"]}[command]
    try:
        with pytest.raises(SystemExit) as leaving:
            cli.main(arguments)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert leaving.value.code == 143
    assert capsys.readouterr().err == "linrec: terminated; start the same command again to go on.\n"
