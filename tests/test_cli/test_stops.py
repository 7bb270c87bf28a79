"""Ctrl-C and SIGTERM within an import take effect after it, where nothing is left half loaded."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TORCH = """
import os, signal
try:
    os.kill(os.getpid(), signal.{signal})
    half = "swallowed before it was whole"
except BaseException:
    raise ImportError("broken by a signal") from None
finally:
    open("loaded", "w").close()
"""
COMMAND = """
import sys
from linrec_cli import cli

def command(args, standalone_mode):
    import torch
    open("after", "w").close()

def elsewhere(args, standalone_mode):
    import os, signal
    os.kill(os.getpid(), signal.{signal})
    open("after", "w").close()

cli.app = {name}
cli.main([])
"""


def stopped(folder: Path, name: str, number: str) -> subprocess.CompletedProcess[str]:
    (folder / "torch.py").write_text(TORCH.format(signal=number))
    command = [sys.executable, "-c", COMMAND.format(name=name, signal=number)]
    source = os.pathsep.join([str(folder), *sys.path])
    environment = os.environ | {"PYTHONPATH": source}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("number", "code", "word"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")])
@pytest.mark.parametrize("name", ["command", "elsewhere"])
def test_a_signal_ends_the_command_with_its_code_and_one_line(
    tmp_path: Path, name: str, number: str, code: int, word: str
) -> None:
    done = stopped(tmp_path, name, number)
    assert done.stderr == f"linrec: {word}; start the same command again to go on.\n"
    assert done.returncode == code
    # What is imported is whole, and nothing comes after it.
    assert (tmp_path / "loaded").exists() == (name == "command")
    assert not (tmp_path / "after").exists()


def test_ctrl_c_that_was_ignored_stays_so(tmp_path: Path) -> None:
    script = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{COMMAND}"
    command = [sys.executable, "-c", script.format(name="elsewhere", signal=signal.SIGINT.name)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (tmp_path / "after").exists()
    assert done.returncode == 0
