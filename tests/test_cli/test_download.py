"""`linrec download` as a user meets it; no test here needs a network."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from linrec_cli import catalog
from linrec_cli.cli import run
from linrec_cli.data.download.source import Source

BODY = b"a file fetched by hand"
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LINREC_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a data set that there is a source whose file is BODY."""
    name = next(name for name in catalog.names("datasets") if module(name).SOURCES)
    source = Source("https://nowhere.invalid/file.bin", DIGEST, len(BODY))
    monkeypatch.setattr(module(name), "SOURCES", (source,))
    return name


def module(name: str) -> ModuleType:
    return catalog.load("datasets", name)


def made() -> str:
    return next(name for name in catalog.names("datasets") if not module(name).SOURCES)


def test_the_list_has_every_data_set_and_fits_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["download", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    named = [line.split()[0] for line in lines if line.strip()]
    assert set(catalog.names("datasets")) <= set(named)
    # No row is folded.
    assert len(named) == len(catalog.names("datasets")) + 4


def test_the_list_is_also_a_document(known: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["download", "--list", "--json", known]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == known
    assert row["bytes"] == len(BODY)
    assert row["exact"] is True
    assert row["here"] is False
    assert row["sources"] == ["https://nowhere.invalid/file.bin"]


def test_a_file_fetched_by_hand_is_taken_and_then_here(
    known: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine").write_bytes(BODY)
    assert run(["download", known, "--from", "mine", "--json"]) == 0
    output = capsys.readouterr()
    (row,) = json.loads(output.out)
    assert row["status"] == "fetched"
    assert row["digest"] == DIGEST
    assert row["path"] == f"datasets/{known}/file.bin"
    assert "from mine, sha256 checked" in output.err
    assert module(known).LICENSE in output.err
    assert run(["download", known]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert "was here already" in output.err
    assert run(["download", "--list", "--json", known]) == 0
    assert json.loads(capsys.readouterr().out)[0]["here"] is True


def test_a_wrong_file_is_one_line_and_exit_code_three(
    known: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine").write_bytes(BODY[::-1])
    assert run(["download", known, "--from", "mine"]) == 3
    output = capsys.readouterr()
    assert output.out == ""
    assert len(output.err.splitlines()) == 1
    assert "mine is not file.bin" in output.err


def test_one_data_set_that_fails_does_not_keep_the_others_waiting(
    known: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["download", known, made(), "--json"]) == 3
    output = capsys.readouterr()
    assert [row["status"] for row in json.loads(output.out)] == ["error", "made"]
    assert "LINREC_OFFLINE is set" in output.err
    assert "1 of 2 data sets could not be had" in output.err


def test_what_is_made_needs_no_fetching(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["download", f"{made()}:seed=1"]) == 0
    assert "nothing to fetch" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name the data sets to fetch"),
        (["no-such-thing"], "no dataset 'no-such-thing'"),
        (["--from", "x", *catalog.names("datasets")[:2]], "--from takes the file of one data set"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_exit_code_two(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["download", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_an_unknown_name_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    name = catalog.names("datasets")[0]
    run(["download", name[:-1]])
    line = capsys.readouterr().err
    assert f"did you mean '{name}'" in line
    assert all(other in line for other in catalog.names("datasets"))


def test_help_shows_examples_first_and_imports_nothing_heavy() -> None:
    program = (
        "import sys; from linrec_cli.cli import download; "
        "sys.exit(' '.join({'torch', 'polars', 'matplotlib', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
