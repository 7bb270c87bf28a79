"""Record what the tool prints as a picture: `python benchmarks/recording.py [--out docs/recording.svg]`.

Each command is run as a user would, in an empty folder, at 80 columns, and its lines are drawn as they came.
"""

import argparse
import io
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

COMMANDS = (
    "linrec train --attn softmax,linear,linear-gated --maxlen 50 --epochs 5",
    "linrec profile --attn softmax,linear --maxlen 512,8192 --tokens 8192 --phase forward",
)
COLUMNS = 80
HERE = Path(__file__).resolve().parents[1]


def ran(command: str, folder: Path) -> str:
    """Run a command of linrec in a folder, and give what it prints.

    Raises:
        RuntimeError: it failed.
    """
    words = [sys.executable, "-m", "linrec_cli", *shlex.split(command)[1:]]
    environment = os.environ | {"COLUMNS": str(COLUMNS), "PYTHONPATH": str(HERE / "src")}
    done = subprocess.run(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command}: exit {done.returncode}: {done.stdout}")
    return done.stdout


def drawn(told: list[tuple[str, str]]) -> str:
    """Draw commands and what each printed as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    for command, printed in told:
        console.print(Text(f"$ {command}", style="bold green"))
        console.print(Text(printed.rstrip()))
        console.print()
    return console.export_svg(title="linrec", unique_id="linrec")


def main() -> None:
    """Read the arguments, run, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "docs/recording.svg")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told = [(command, ran(command, Path(folder))) for command in COMMANDS]
    given.out.write_text(drawn(told), "utf-8")
    print(given.out)


if __name__ == "__main__":
    main()
