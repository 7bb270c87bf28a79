"""The recording shows what the tool printed, and nothing is recorded of what failed."""

import html
import re
from pathlib import Path

import pytest
import recording

from linrec_cli.cli import commands


def shown(svg: str) -> list[str]:
    """Give the lines of text of a picture, as it has them."""
    return [
        html.unescape(line).replace("\N{NO-BREAK SPACE}", " ") for line in re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    ]


def test_commands_and_what_they_print_are_shown_line_by_line() -> None:
    svg = recording.drawn([("linrec one", "a [bold]<name>[/bold]\nwith  two"), ("linrec two", "b\n")])
    lines = [line.rstrip() for line in shown(svg)]
    assert [line for line in lines if line] == [
        "linrec", "$ linrec one", "a [bold]<name>[/bold]", "with  two", "$ linrec two", "b",
    ]  # fmt: skip


def test_a_command_runs_in_its_folder_and_one_that_fails_is_no_recording(tmp_path: Path) -> None:
    assert "linrec" in recording.ran("linrec --help", tmp_path)
    with pytest.raises(RuntimeError, match="exit 3"):
        recording.ran("linrec plot", tmp_path)


def test_what_is_recorded_are_commands_that_there_are() -> None:
    assert {command.split()[1] for command in recording.COMMANDS} <= {*commands()}
