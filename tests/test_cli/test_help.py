"""Help loads nothing heavy, starts with examples, fits a plain terminal, and says what the declarations say."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import linrec_cli
from linrec_cli import cli
from linrec_cli.cli import commands, options, run
from linrec_cli.declared import declared
from linrec_cli.settings import Effort, Evaluate, Profile, Reading, Train

COMMANDS = list(commands())
CHECK = """
import sys
from linrec_cli.cli import run
for command in sys.argv[1:]:
    code = run([*command.split(), "--help"])
    heavy = {"torch", "polars", "matplotlib", "numpy"} & set(sys.modules)
    if code or heavy:
        sys.exit(f"{command} --help: exit {code}, imports {heavy}")
"""
DOORS = {"train": (Train, Reading), "profile": (Profile, Effort), "evaluate": (Evaluate,)}


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", CHECK, "", *COMMANDS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_command_that_cannot_be_imported_is_told_and_the_others_work(
    add: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "FAULTS", [])
    add("cli/odd.py", "import nosuch")
    assert list(commands()) == COMMANDS
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert left.value.code == 0
    told = capsys.readouterr()
    assert told.err.startswith("linrec: cli 'odd' (cli/odd.py, line 1) cannot be imported: ModuleNotFoundError: No mod")
    assert told.err.count("\n") == 1
    assert told.out.startswith("linrec ")


def test_the_commands_stand_in_the_order_of_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    order = "download preprocess train evaluate recommend export advise profile compare plot report show doctor"
    assert order.split() == COMMANDS
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    places = [out.index(f"│ {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_a_command_is_added_by_its_file_alone(tmp_path: Path) -> None:
    shutil.copytree(Path(linrec_cli.__file__).parent, tmp_path / "linrec_cli", ignore=shutil.ignore_patterns("*.pyc"))
    text = '"""Bows."""\n\nHELP = "Bow."\n\n\ndef command() -> None:\n    """Bow."""\n    print("a bow")\n'
    (tmp_path / "linrec_cli" / "cli" / "take_a_bow.py").write_text(text, "utf-8")
    call = "import sys; sys.path.insert(0, sys.argv[1]); from linrec_cli.cli import commands, run; run(['take-a-bow'])"
    more = "print(*commands())"
    done = subprocess.run(
        [sys.executable, "-c", f"{call}; {more}", str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["a", "bow", *COMMANDS, "take-a-bow"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_starts_with_examples_and_fits_80_columns(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert 0 < out.index(f"linrec {command} ", out.index("Usage") + 40) < out.index("Options ─")


@pytest.mark.parametrize(("command", "kinds"), DOORS.items())
def test_help_says_of_every_setting_what_is_declared(
    command: str, kinds: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "500")
    assert run([command, "--help"]) == 0
    panels: dict[str, list[str]] = {}
    for line in capsys.readouterr().out.splitlines():
        if line.startswith("╭"):
            mine = panels.setdefault(line.strip("╭─╮ "), [])
        elif line.startswith("│"):
            mine.append(" ".join(line.strip("│ ").split()))
    settings = [(item, how) for kind in kinds for item, how in declared(kind)]
    for item, how in settings:
        flags = ",".join(filter(None, (f"--{item.name.replace('_', '-')}", how.also)))
        found = [line for line in panels.get(how.panel, []) if line.startswith(f"{flags} ")]
        if not how.panel:
            assert not any(f"--{item.name.replace('_', '-')}" in line for lines in panels.values() for line in lines)
            continue
        (line,) = found
        assert how.help in line
        assert ("...>" in line) == how.axis
        if how.folder:
            assert f"Known: {options.known(how.folder)}." in line
        default = how.shown if how.shown else options.joined(item.default if how.asked is ... else how.asked)
        if default not in ("None", "False"):
            assert f"[default: ({default})]" in line or f"[default: {default}]" in line


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [(["trian"], 2, "train"), (["train", "--nothing"], 2, "--nothing"), (["train", "--epochs", "x"], 2, "--epochs")],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("linrec: ")
    assert message in error


def test_what_an_encoding_lacks_is_shown_as_it_can_be() -> None:
    script = "from linrec_cli import cli; cli.run = lambda given: print('a – b') or 0; cli.main([])"
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a ? b\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_variables_are_told_in_one_line_and_not_beside_each_option(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--help"]) == 0
    assert "LINREC_" + command.upper().replace("-", "_") + "_" not in capsys.readouterr().out.replace(
        "LINREC_TRAIN_WIDTH", ""
    )
