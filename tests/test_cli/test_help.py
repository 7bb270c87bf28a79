import subprocess
import sys

import pytest

from linrec_cli.cli import run

COMMANDS = ["", "download", "preprocess", "train", "evaluate", "profile", "compare", "plot", "show"]
CHECK = """
import sys
from linrec_cli.cli import run
code = run(sys.argv[1:])
heavy = {"torch", "polars", "matplotlib", "numpy"} & set(sys.modules)
sys.exit(code or (f"help imports {heavy}" if heavy else 0))
"""


@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_nothing_heavy(command: str) -> None:
    arguments = [*command.split(), "--help"]
    done = subprocess.run([sys.executable, "-c", CHECK, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMMANDS[1:])
def test_help_starts_with_examples_and_fits_80_columns(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert 0 < out.index(f"linrec {command} ", out.index("Usage") + 40) < out.index("Options ─")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [(["trian"], 2, "train"), (["train", "--nothing"], 2, "--nothing"), (["train", "--width", "x"], 2, "--width")],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("linrec: ")
    assert message in error
