"""`linrec compare` says what became worse, and leaves with an exit code that a CI can gate on."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from linrec_cli.analysis.verdict import Rule
from linrec_cli.cli import run
from linrec_cli.results import schema, store

CELL = {"command": "profile", "model": "sasrec", "width": 64, "heads": 2, "layers": 2, "tokens": 16_384, "unit": "s",
        "metric": "seconds", "device": "cpu x", "dtype": "float32", "threads": 2, "torch": "2.9"}  # fmt: skip
RUNS = [1.00, 1.01, 1.02, 1.01, 1.00]


def write(folder, linear, **more):
    """Write a results folder of five runs in which `linear` takes the share given of softmax's time."""
    for number, noise in enumerate(RUNS):
        cells = [("softmax", 0.2), ("linear", 0.2 * linear * noise)]
        made = [{"attention": name, "value": value, "maxlen": n, "phase": phase, "run": f"run-{number}"}
                for name, value in cells for n in (512, 1024) for phase in ("attention", "step")]  # fmt: skip
        store.write_frame(schema.table(CELL | more, made), store.folder(folder, f"run-{number}") / store.TABLE)
    return str(folder)


@pytest.fixture
def sides(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return {name: write(tmp_path / name, share) for name, share in (("base", 1.5), ("same", 1.5), ("slow", 1.8))}


def test_the_same_code_leaves_with_0_and_a_table_that_fits_80_columns(sides, capsys):
    assert run(["compare", sides["base"], sides["same"]]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("\n ok ") == 4
    assert out.endswith("Of 4 numbers, 0 worse, 4 unchanged as far as can be seen.\n")


def test_a_slowdown_leaves_with_5_and_an_improvement_with_0(sides, capsys):
    assert run(["compare", sides["base"], sides["slow"]]) == 5
    shown = capsys.readouterr()
    assert "regression" in shown.out
    assert "+20.0 %" in shown.out
    assert shown.err.startswith("linrec: 4 became worse")
    # A long path is broken anywhere.
    title = "".join(shown.out.partition("verdict")[0].split())
    assert title == f"{sides['slow']}against{sides['base']}"
    assert run(["compare", sides["slow"], sides["base"], "--strict"]) == 0
    assert run(["compare", sides["base"], sides["slow"], "--threshold", "25"]) == 0


def test_one_run_a_side_is_inconclusive_and_only_strict_minds(sides, capsys):
    one, other = (f"{sides[name]}/runs/run-0" for name in ("base", "slow"))
    assert run(["compare", one, other]) == 0
    assert "1 and 1 runs; 5 a side will do" in capsys.readouterr().err
    assert run(["compare", one, other, "--strict"]) == 6
    assert run(["compare", one, other, "--strict", "--chance", "50"]) == 5


def test_what_is_gone_is_never_fine_and_strict_minds(sides, tmp_path, capsys):
    """Of the four numbers of the base the new side has all but those of 1,024."""
    for number in range(5):
        table = store.read_table(store.folder(tmp_path / "same", f"run-{number}") / store.TABLE)
        half = table.filter(maxlen=512)
        store.write_frame(half, store.folder(tmp_path / "half", f"run-{number}") / store.TABLE)
    half = str(tmp_path / "half")
    assert run(["compare", sides["base"], half]) == 0
    shown = capsys.readouterr()
    lines = [line.split() for line in shown.out.splitlines()]
    assert ["inconclusive", "linear", "1024", "step", "time", "1.515x", "–", "–", "–"] in lines
    assert shown.out.endswith("Of 4 numbers, 0 worse, 2 inconclusive, 2 unchanged as far as can be seen.\n")
    assert "inconclusive, not in NEW: linear 1024 attention time, linear 1024 step time" in shown.err
    assert run(["compare", sides["base"], half, "--strict"]) == 6
    # The other way round all is there, and something is new.
    assert run(["compare", half, sides["base"], "--strict"]) == 0


def trained(folder, *values):
    """Write trainings of a seed a value, which differ by more than users do."""
    for seed, value in enumerate(values):
        own = {"seed": seed, "run": f"t-{seed}", "value": value, "high": value + 0.001}
        what = {"command": "train", "dataset": "d", "attention": "linear", "maxlen": 50, "unit": "1"}
        row = what | own | {"stage": "test", "metric": "ndcg", "k": 10}
        store.write_frame(schema.table({}, [row]), store.folder(folder, f"t-{seed}") / store.TABLE)
    return str(folder)


def test_the_numbers_beside_a_change_are_those_it_is_computed_from(tmp_path, capsys):
    """The means over the seeds of both are .3 and .2, the medians .2 and .2: the change is of a third."""
    base, new = trained(tmp_path / "base", 0.1, 0.2, 0.6), trained(tmp_path / "new", 0.1, 0.2, 0.3, 0.9)
    assert run(["compare", base, new, "--format", "md"]) == 0
    assert "| linear 50 train | NDCG@10 | 0.3000 | 0.2000 | -33.3 % |" in capsys.readouterr().out


def test_what_is_asked_for_is_what_is_judged_by(sides, monkeypatch):
    asked = []
    monkeypatch.setattr("linrec_cli.runs.compare.compare", lambda base, new, rule: asked.append(rule) or [])
    options = ["--threshold", "9", "--memory-threshold", "3", "--quality-threshold", "7", "--chance", "2"]
    options += ["--quantile", "25", "--metric", "recall@5", "--yardstick", "none", "--force"]
    run(["compare", sides["base"], sides["same"], *options])
    rule = Rule(time=0.09, memory=0.03, quality=0.07, chance=0.02, quantile=0.25, yardstick="", force=True,
                metric="recall", k=5)  # fmt: skip
    assert [vars(one) for one in asked] == [pytest.approx(vars(rule))]


def test_seconds_of_trainings_are_compared_where_seconds_are(tmp_path, capsys):
    sides = []
    for name, times in (("base", 1.0), ("new", 2.0)):
        for number, noise in enumerate(RUNS):
            what = CELL | {
                "command": "train",
                "attention": "linear",
                "maxlen": 50,
                "stage": "train",
                "run": f"t{number}",
            }
            row = what | {"seed": number, "metric": "seconds_per_epoch", "value": times * noise, "dataset": "d"}
            store.write_frame(schema.table({}, [row]), store.folder(tmp_path / name, f"t{number}") / store.TABLE)
        sides.append(str(tmp_path / name))
    assert run(["compare", *sides, "--yardstick", "none"]) == 5
    assert "+100.0 %" in capsys.readouterr().out
    # No trainings take turns, in which one could be another's unit.
    assert run(["compare", *sides]) == 4


@pytest.mark.parametrize("metric", ["ndcg@50", "precision@10"])
def test_a_metric_that_nothing_was_tested_by_is_refused_and_nothing_passes(tmp_path, capsys, metric):
    base, new = trained(tmp_path / "base", 0.5, 0.5, 0.5), trained(tmp_path / "new", 0.1, 0.1, 0.1)
    assert run(["compare", base, new]) == 5
    assert run(["compare", base, new, "--metric", metric]) == 2
    assert f"no {metric} was tested on either side; there are ndcg@10." in capsys.readouterr().err


def test_another_machine_is_refused_with_4_unless_forced(sides, tmp_path, capsys):
    other = write(tmp_path / "other", 1.5, device="cpu y")
    assert run(["compare", sides["base"], other]) == 4
    shown = capsys.readouterr()
    assert shown.out.count("incomparable") == 4
    assert "nothing could be compared: another device (cpu x against cpu y); --force" in shown.err
    assert run(["compare", sides["base"], other, "--force"]) == 0


def test_nothing_to_compare_and_no_results_are_4_and_3(sides, tmp_path, capsys):
    facts = schema.table(CELL, [{"run": "facts", "phase": "step", "maxlen": 8, "metric": "epochs", "value": 3.0}])
    store.write_frame(facts, store.folder(tmp_path / "facts", "facts") / store.TABLE)
    assert run(["compare", str(tmp_path / "facts"), str(tmp_path / "facts")]) == 4
    assert run(["compare", sides["base"], str(tmp_path / "nothing")]) == 3
    assert "no results in" in capsys.readouterr().err


def test_json_is_one_document_with_a_run_a_number(sides, capsys):
    assert run(["compare", sides["base"], sides["slow"], "--json"]) == 5
    document = json.loads(capsys.readouterr().out)
    assert [one["verdict"] for one in document["verdicts"]] == ["regression"] * 4
    first = document["verdicts"][0]
    assert first["new"] == pytest.approx([1.8 * noise for noise in RUNS])
    assert (first["cell"]["attention"], first["unit"]) == ("linear", "x softmax")
    # What both sides come to: the medians, of which the change is made.
    assert first["sides"] == pytest.approx([1.5 * 1.01, 1.8 * 1.01])
    assert first["change"] == pytest.approx(0.2)
    assert document["rule"]["time"] == 0.05
    assert "4 worse" in document["summary"]


def test_markdown_goes_to_stdout_and_is_appended_to_the_summary_of_a_job(sides, tmp_path, capsys, monkeypatch):
    assert run(["compare", sides["base"], sides["slow"], "--format", "md", "--summary"]) == 5
    shown = capsys.readouterr()
    assert "| **regression** | linear 512 step | time |" in shown.out
    assert "GITHUB_STEP_SUMMARY is not set" in shown.err
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(file))
    assert run(["compare", sides["base"], sides["slow"], "--summary"]) == 5
    assert file.read_text() == "before\n" + shown.out


def test_exports_are_written_also_where_something_became_worse(sides, tmp_path):
    both = f"bmf={tmp_path / 'bmf.json'}, gha={tmp_path / 'gha.json'}"
    assert run(["compare", sides["base"], sides["slow"], "--export", both]) == 5
    bencher, action = (json.loads((tmp_path / name).read_text()) for name in ("bmf.json", "gha.json"))
    assert len(bencher) == len(action) == 4
    assert {"name", "unit", "value"} <= action[0].keys()
    assert all("value" in metric for measures in bencher.values() for metric in measures.values())


def test_ranks_of_runs_are_read_where_they_are(sides, tmp_path, capsys):
    rows = [{"command": "train", "stage": "test", "metric": "ndcg", "k": 10, "value": 0.5, "low": 0.4, "high": 0.6,
             "attention": "linear", "maxlen": 50, "run": f"t-{seed}", "seed": seed} for seed in range(3)]  # fmt: skip
    for name, rank in (("a", 1.0), ("b", 20.0)):
        for row in rows:
            folder = store.folder(tmp_path / name, row["run"])
            value = row | {"value": 1.0 if rank == 1 else 0.0}
            store.write_frame(schema.table({}, [value]), folder / store.TABLE)
            users = pl.DataFrame({"user": [1, 2, 3], "test": [rank] * 3})
            store.write_frame(users, folder / "ranks.parquet")
    assert run(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 5
    shown = capsys.readouterr()
    assert "-100.0 %" in shown.out
    assert "no ranks" not in shown.err
    (tmp_path / "b/runs/t-0/ranks.parquet").write_bytes(b"no parquet")
    assert run(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 3
    assert "make it again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "mdd"], "did you mean 'md'"),
        (["--metric", "ndgc@10"], "did you mean 'ndcg'"),
        (["--metric", "ndcg"], "write it as ndcg@10"),
        (["--yardstick", "sofmax"], "did you mean 'softmax'"),
        (["--export", "bfm=x"], "did you mean 'bmf'"),
        (["--export", "bmf"], "write it as bmf=FILE"),
        (["--export", "bmf=a,bmf=b"], "names two files"),
        (["--chance", "200"], "chance"),
        (["--threshold", "-1"], "threshold"),
    ],
)
def test_a_wrong_option_is_a_usage_error(sides, options, message, capsys):
    assert run(["compare", sides["base"], sides["same"], *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_an_export_that_cannot_be_written_is_a_data_error_and_hides_no_regression(sides, tmp_path, capsys):
    assert run(["compare", sides["base"], sides["same"], "--export", f"gha={tmp_path}"]) == 3
    assert "cannot write" in capsys.readouterr().err
    assert run(["compare", sides["base"], sides["slow"], "--export", f"gha={tmp_path}"]) == 5
    error = capsys.readouterr().err
    assert "cannot write" in error
    assert "became worse" in error


@pytest.mark.parametrize("form", [[], ["--json"], ["--format", "md"]])
def test_a_reader_that_leaves_does_not_hide_a_regression(sides, form):
    # At once, and not from what is held back until the end.
    command = [sys.executable, "-u", "-m", "linrec_cli", "compare", sides["base"], sides["slow"], *form]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        error = process.stderr.read()
    assert process.returncode == 5
    assert "Traceback" not in error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_one_line(sides):
    command = [sys.executable, "-m", "linrec_cli", "compare", sides["base"], sides["same"], "--format", "md"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("linrec: cannot write")
    assert "Traceback" not in done.stderr


def test_help_loads_nothing_heavy_and_a_comparison_no_torch(sides):
    check = "import sys; from linrec_cli.cli import run; code = run(sys.argv[2:]); sys.exit(bool(code) or "
    check += "bool(set(sys.argv[1].split(',')) & set(sys.modules)))"
    for heavy, arguments in (("torch,polars,numpy", ["--help"]), ("torch,matplotlib", [sides["base"], sides["same"]])):
        done = subprocess.run(
            [sys.executable, "-c", check, heavy, "compare", *arguments], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_a_first_run_without_a_baseline_says_so_in_its_summary(
    sides: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert run(["compare", str(tmp_path / "nothing"), sides["base"], "--summary"]) == 3
    said = capsys.readouterr().err
    assert "no baseline: no results in" in said
    assert f"Keep {sides['base']} to compare the next results with." in said
    written = (tmp_path / "summary.md").read_text()
    assert written.startswith("### linrec compare\n\nNothing was compared: no baseline: ")
    assert run(["compare", str(tmp_path / "a`<b>\n# c"), sides["base"], "--summary"]) == 3
    written = (tmp_path / "summary.md").read_text().removeprefix(written)
    assert r"a\`\<b> # c" in written
    assert "\n#" not in written.removeprefix("###")
