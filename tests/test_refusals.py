"""What the system or a library refuses is one line, whoever tells it and however."""

import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from linrec_cli import cli, temporary
from linrec_cli.data import store as prepared
from linrec_cli.data.file import ids, nested, parts
from linrec_cli.data.file.columns import Asked
from linrec_cli.declared import mistyped
from linrec_cli.disk import locked, whole, whole_folder
from linrec_cli.errors import DataError
from linrec_cli.refusals import RefusedError, line, reading
from linrec_cli.results import store
from linrec_cli.runs import graph, recommend
from linrec_cli.settings import BESIDE, KINDS, Train

NOISE = pl.DataFrame({"a": np.random.default_rng(0).random(1500)})
WIDE = pl.DataFrame({f"c{number}": ["x" * number] * 5 for number in range(40)})
"""So much is said of its columns that polars tells a full disk as a file out of specification."""
PANIC = pl.exceptions.PanicException


@pytest.fixture
def grown() -> Iterator[Callable[[int], None]]:
    """Let files grow to so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def written(path: Path) -> None:
    store.write_frame(WIDE, path)


def in_a_folder(path: Path) -> None:
    with whole_folder(path) as part:
        WIDE.write_parquet(part / "a.parquet")


def saved(path: Path) -> None:
    with whole(path) as part:
        save_file({"a": torch.ones(1500)}, part)


PROGRAM = torch.export.export(torch.nn.Linear(40, 40), (torch.ones(1, 40),))


def exported(path: Path) -> None:
    with whole_folder(path) as part:
        graph.saved(PROGRAM, part / graph.TORCH)


@pytest.mark.parametrize("write", [written, in_a_folder, saved, exported])
def test_wherever_the_disk_is_full_a_library_s_words_become_the_system_s(
    tmp_path: Path, grown: Callable[[int], None], write: Callable[[Path], None]
) -> None:
    write(tmp_path / "whole")
    size = max(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    for room in [*range(0, size, size // 12), size - 9, size - 1]:
        grown(room)
        told = pytest.raises(
            RefusedError, match=r"^cannot write .*/a: File too large; mend that or choose another place\.$"
        )
        with told:
            write(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_the_rest_of_a_block_does_not_pass_for_room(tmp_path: Path, grown: Callable[[int], None]) -> None:
    def fill(part: Path) -> None:
        part.write_bytes(bytes(4000))
        raise ValueError("a library that does not tell")

    grown(4096)
    with pytest.raises(RefusedError, match="File too large"), whole(tmp_path / "a") as part:
        fill(part)


def test_a_full_disk_that_is_told_without_a_number_of_its_own_says_what_helps(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="No space left on device; free some room"), whole(tmp_path / "a"):
        raise OSError("No space left on device (os error 28): a.parquet")


def test_what_is_no_matter_of_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError), whole(tmp_path / "a"):
        NOISE.select("b")
    with pytest.raises(DataError, match=r"^of ours$"), whole(tmp_path / "a"):
        raise DataError("of ours")
    assert list(tmp_path.iterdir()) == []


def panic(*_: object, **__: object) -> None:
    os.write(2, b"thread 'async' panicked at some place\nstack backtrace: ...\n")
    raise PANIC("called `Result::unwrap()` on an `Err` value")


def log(path: Path) -> None:
    nested.parquet(path, str(path), Asked())


def table(path: Path) -> None:
    store.read_frame(path)


def data(path: Path) -> None:
    prepared._table(path)


@pytest.mark.parametrize("reader", [log, table, data, recommend.users_of])
def test_a_file_at_which_polars_panics_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], reader: Callable[[Path], None]
) -> None:
    NOISE.write_parquet(tmp_path / "a.parquet")
    for name in ("read_parquet", "scan_parquet"):
        monkeypatch.setattr(pl, name, panic)
    with pytest.raises(DataError, match=r"^\S+/a\.parquet cannot be read \(it is damaged\); [^\n]+\.$"):
        reader(tmp_path / "a.parquet")
    assert capfd.readouterr().err == ""


def test_what_else_is_written_to_stderr_meanwhile_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    with reading("a", "mend it"):
        os.write(2, b"a warning\n")
    assert capfd.readouterr().err == "a warning\n"
    os.write(2, b"after it\n")
    assert capfd.readouterr().err == "after it\n"


def test_other_errors_than_polars_own_are_not_taken_for_damage() -> None:
    with pytest.raises(ZeroDivisionError), reading("a", "mend it"):
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), reading("a", "mend it"):
        raise KeyboardInterrupt
    with pytest.raises(DataError, match=r"^a cannot be read \(first\); mend it\.$"), reading("a", "mend it"):
        raise pl.exceptions.ComputeError("first\nsecond")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EACCES, "", "a/b"), "cannot use a/b: Permission denied; mend that and start the same"),
        (OSError(errno.ENOSPC, "", "a"), "cannot use a: No space left on device; free some room and"),
        (pl.exceptions.ComputeError("it (os error 28)"), "cannot write: No space left on device; free some room"),
        (OSError(errno.ECHILD, "no file's"), ""),
        (MemoryError(), "memory ran out (MemoryError); give less at once, or"),
        (MemoryError("Unable to allocate 3 GiB.\nx"), "memory ran out (Unable to allocate 3 GiB); give less"),
        (
            RuntimeError("[a:1] no. DefaultCPUAllocator: can't allocate memory: you\nx"),
            "memory ran out (can't allocate memo",
        ),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory ran out ("),
        (ValueError("a bug"), ""),
        (UnicodeEncodeError("utf-8", "caf\udce9.csv", 3, 4, "no"), r"the name caf\xe9.csv is not in UTF-8; give"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "no"), ""),
    ],
)
def test_what_nobody_expected_of_the_system_is_a_line_and_a_bug_is_none(error: Exception, said: str) -> None:
    assert line(error).startswith(said)
    assert bool(line(error)) == bool(said)


def test_it_ends_the_command_with_3_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "results/x")

    monkeypatch.setattr(cli, "app", refused)
    assert cli.run([]) == 3
    assert capsys.readouterr().err.startswith("linrec: cannot use results/x: Permission denied; mend that and")


def test_names_that_are_not_utf_8_are_shown_and_refused(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.csv")
    try:
        (tmp_path / name).write_text("user,item\n" * 3)
    except OSError:
        pytest.skip("no such names on this file system")
    with pytest.raises(DataError, match=r"caf\\xe9\.csv is not in UTF-8; rename"):
        parts.files(str(tmp_path / name))
    with pytest.raises(DataError, match=r"caf\\xe9\.csv is not in UTF-8; rename"):
        parts.files(str(tmp_path))


@pytest.mark.parametrize("way", [whole, whole_folder, locked])
def test_nothing_is_written_below_a_name_that_is_not_utf_8(tmp_path: Path, way: Any) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    with pytest.raises(RefusedError, match=r"caf\\xe9/a: the name is not in UTF-8; choose"), way(folder / "a"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_the_longest_name_is_written(tmp_path: Path) -> None:
    for name in ("a" * 255, "é" * 127):
        with whole(tmp_path / name) as part:
            part.write_text("there")
        assert (tmp_path / name).read_text() == "there"
    assert temporary.begin(Path("short")) == ".short."


def test_a_run_of_long_names_has_one_that_fits_and_its_digest() -> None:
    names = {
        Train(data=letter * count, data_digest=f"{n}").name
        for n, (letter, count) in enumerate([("a", 300), ("é", 200)])
    }
    assert all(len(name.encode()) <= 200 for name in names)
    assert len(names) == 2
    short = Train(data="a" * 100)
    assert short.name.startswith("a" * 100 + "-sasrec")
    one, other = (Train(data="a" * 300, lr=lr).name for lr in (0.1, 0.2))
    assert one != other


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("heads = 'two'", "heads"),
        ("prepared = [1]", "prepared"),
        ("source = 3\nof = 1", "source, of"),
        ("data_digest = 1979-05-27", "data_digest"),
        ("lr = true", "lr"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("attn = [1]", "attn"),
    ],
)
def test_settings_that_are_no_such_thing_are_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / store.SETTINGS).write_text(text)
    with pytest.raises(DataError, match=rf"settings\.toml cannot be read \({why}|it is {why}"):
        store.read_settings(tmp_path / store.SETTINGS)


def test_settings_of_every_command_are_of_their_types() -> None:
    fine = {
        "heads": 2,
        "lr": 1,
        "attn": ["a", "b"],
        "maxlen": 8,
        "user": "u",
        "skip_bad": True,
        "of": "run",
        "own": 1.0,
    }
    assert mistyped(fine, KINDS, BESIDE) == []


def test_durations_are_no_ids() -> None:
    with pytest.raises(DataError, match="Duration"):
        ids.read(pl.Series("user", [1, 2], pl.Duration), "a.parquet")
    big = pl.Series("user", [10**30, 7], pl.Int128)
    assert ids.read(big, "a.parquet").cast(pl.String).to_list() == [str(10**30), "7"]
