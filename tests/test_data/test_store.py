"""Prepared data sets on disk: kept, found again, made anew when damaged."""

import os
import random
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import polars as pl
import pytest

from linrec_cli import disk
from linrec_cli.data import origin, store
from linrec_cli.data.download import fetch
from linrec_cli.data.store import by_digest, open_prepared
from linrec_cli.errors import DataError, UsageError


@pytest.fixture
def log(tmp_path):
    rng = random.Random(0)
    rows = [f"u{u},i{rng.randrange(8)},{rng.randrange(50)}\n" for u in range(20) for _ in range(9)]
    path = tmp_path / "my log.csv"
    path.write_text("user,item,time\n" + "".join(rows))
    return path


@pytest.fixture
def said():
    return []


def test_it_is_prepared_once_and_found_afterwards(log, tmp_path, said, monkeypatch):
    made = open_prepared(str(log), tmp_path / "data", report=said.append)
    assert said[-1] == f"wrote {made.folder}"
    monkeypatch.setattr(origin, "read", None)
    found = open_prepared(str(log), tmp_path / "data", report=said.append)
    assert said[-1] == f"found {made.folder}"
    assert found.events.equals(made.events)
    assert found.users.equals(made.users)
    assert found.items.equals(made.items)
    assert (found.digest, found.name, found.folder, found.card) == (
        made.digest,
        "my log",
        made.folder,
        made.card,
    )


def test_the_folder_holds_what_it_should_and_no_litter(log, tmp_path):
    folder = open_prepared(str(log), tmp_path / "data").folder
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.toml", "events.parquet", "items.parquet", "users.parquet"]  # fmt: skip
    assert [path.name for path in folder.parent.iterdir() if not path.name.endswith(".lock")] == [folder.name]


@pytest.mark.parametrize("umask", [0o022, 0o002])
def test_others_may_read_what_was_prepared_where_the_umask_lets_them(log, tmp_path, umask):
    before = os.umask(umask)
    try:
        folder = open_prepared(str(log), tmp_path / "data").folder
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o777 & ~umask
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o666 & ~umask}


def test_what_a_killed_process_prepared_in_part_goes_when_the_same_is_prepared(log, tmp_path):
    folder = open_prepared(str(log), tmp_path / "data").folder
    before = {path.name for path in folder.parent.iterdir()}
    (folder.parent / f".{folder.name}.1234.part").mkdir()
    (folder.parent / f".{folder.name}.1234.part" / "events.parquet").touch()
    open_prepared(str(log), tmp_path / "data", fresh=True)
    assert {path.name for path in folder.parent.iterdir()} == before


@pytest.mark.parametrize("options", [{"min_user": 1}, {"min_item": 1}, {"skip_bad": True}, {"time": "time"}])
def test_whatever_alters_it_has_a_folder_of_its_own(log, tmp_path, options):
    assert open_prepared(str(log), tmp_path, **options).folder != open_prepared(str(log), tmp_path).folder


def test_a_file_that_changed_is_prepared_again_even_if_size_and_date_did_not(log, tmp_path):
    before = open_prepared(str(log), tmp_path)
    status = log.stat()
    log.write_text(log.read_text().replace("i7", "i6"))
    os.utime(log, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = open_prepared(str(log), tmp_path)
    assert before.folder != after.folder
    assert before.digest != after.digest


@pytest.mark.parametrize("table", ["events.parquet", "users.parquet", "items.parquet", "card.toml"])
@pytest.mark.parametrize("damage", [None, b"", b"PAR1 nonsense"])
def test_what_is_damaged_is_made_anew(log, tmp_path, said, table, damage):
    made = open_prepared(str(log), tmp_path)
    victim = made.folder / table
    victim.unlink() if damage is None else victim.write_bytes(damage)
    again = open_prepared(str(log), tmp_path, report=said.append)
    assert any("damaged" in line for line in said)
    assert again.events.equals(made.events)
    assert open_prepared(str(log), tmp_path, report=said.append).digest == made.digest
    assert said[-1] == f"found {made.folder}"


def test_events_that_do_not_fit_their_digest_are_made_anew(log, tmp_path, said):
    made = open_prepared(str(log), tmp_path)
    made.events.with_columns(item=pl.col("item").reverse()).write_parquet(made.folder / "events.parquet")
    assert open_prepared(str(log), tmp_path, report=said.append).events.equals(made.events)
    assert any("damaged" in line for line in said)


def test_items_that_are_not_all_there_are_made_anew(log, tmp_path, said):
    made = open_prepared(str(log), tmp_path)
    made.items.head(3).write_parquet(made.folder / "items.parquet")
    assert open_prepared(str(log), tmp_path, report=said.append).items.equals(made.items)
    assert any("damaged" in line for line in said)


def test_fresh_prepares_again(log, tmp_path, said):
    first = open_prepared(str(log), tmp_path)
    again = open_prepared(str(log), tmp_path, fresh=True, report=said.append)
    assert said[-1] == f"wrote {first.folder}"
    assert again.digest == first.digest


def test_an_error_leaves_nothing_behind(log, tmp_path, monkeypatch):
    monkeypatch.setattr(store.disk, "toml", lambda card: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_prepared(str(log), tmp_path / "data")
    assert [p.name for p in (tmp_path / "data").rglob("*") if p.is_file() and p.name != ".lock"] == []


def test_processes_that_start_together_do_not_collide(log, tmp_path):
    code = (
        "import sys; from pathlib import Path; from linrec_cli.data.store import open_prepared;"
        "print(open_prepared(sys.argv[1], Path(sys.argv[2])).digest)"
    )
    command = [sys.executable, "-c", code, str(log), str(tmp_path / "data")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    digests = [process.communicate()[0] for process in both]
    assert digests[0] == digests[1] != ""


def test_who_prepares_waits_for_another_who_does(log, tmp_path):
    waits = threading.Event()
    made = []

    def report(line):
        if line == f"waiting for another process that is at work on {tmp_path / 'my-log'}":
            waits.set()

    def prepare():
        made.append(open_prepared(str(log), tmp_path, report=report))

    with disk.locked(tmp_path / "my-log"):
        thread = threading.Thread(target=prepare)
        thread.start()
        assert waits.wait(30)
        assert made == []
    thread.join()
    assert made[0].folder.is_dir()


def test_an_unknown_name_lists_the_catalog_and_says_that_a_path_works(tmp_path):
    with pytest.raises(UsageError, match=r"did you mean 'ml-100k'\?.*synthetic.*path of a file"):
        open_prepared("ml-100", tmp_path)


def test_a_name_that_ends_as_a_file_is_a_file(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        open_prepared("nowhere.csv", tmp_path)


def test_options_of_a_file_are_refused_for_a_name(tmp_path):
    with pytest.raises(UsageError, match="--user, --skip-bad only fits a file"):
        open_prepared("ml-1m", tmp_path, user="u", skip_bad=True)


def test_made_histories_are_prepared_with_what_can_be_reached_on_them(tmp_path):
    made = open_prepared("synthetic:users=50", tmp_path)
    assert made.card["users"] == 50
    assert 0.3 <= made.card["best_recall_at_10"] <= 0.8
    assert made.card["leak_share"] == "n/a"
    assert open_prepared("synthetic:users=50:lag=64", tmp_path).digest == made.digest


def test_a_catalogued_set_is_fetched_read_and_named(tmp_path, monkeypatch, said):
    raw = tmp_path / "ml-20m.zip"
    raw.write_bytes(b"raw")
    module = origin.catalog.load("datasets", "ml-20m")
    events = pl.LazyFrame({"user": [1] * 5, "item": [3] * 5, "time": range(5), "rating": [1.0] * 5})
    monkeypatch.setattr(module, "read", lambda path: events if path == raw else None)
    films = pl.LazyFrame({"item": [3], "title": ["Three"], "genres": [["Drama", "War"]], "year": [1997]})
    monkeypatch.setattr(module, "items", lambda path: films)

    def fetched(name, data_dir, *, report):
        report(fetch.Event("done", "a mirror"))
        return raw

    monkeypatch.setattr(fetch, "fetch", fetched)
    made = open_prepared("ml-20m", tmp_path, report=said.append)
    assert made.items.columns == ["item", "raw", "title", "count", "genres"]
    assert made.items.rows() == [(1, 3, "Three", 5, ["Drama", "War"])]
    assert open_prepared("ml-20m", tmp_path, report=said.append).items.equals(made.items)
    assert said[-1] == f"found {made.folder}"
    assert made.folder.parent == tmp_path / "ml-20m"
    assert "fetched ml-20m from a mirror" in said


def test_times_that_say_nothing_are_left(tmp_path, monkeypatch):
    module = origin.catalog.load("datasets", "amazon-beauty")
    monkeypatch.setattr(module, "read", lambda path: pl.LazyFrame({"user": [1] * 5, "item": [3] * 5, "time": range(5)}))
    monkeypatch.setattr(fetch, "fetch", lambda name, data_dir, *, report: log)
    log = tmp_path / "Beauty.txt"
    log.touch()
    assert open_prepared("amazon-beauty", tmp_path).card["time"] == "file order"


def test_a_folder_that_cannot_be_written_is_one_clear_error(log, tmp_path):
    (tmp_path / "blocked").write_text("a file")
    with pytest.raises(DataError, match="blocked"):
        open_prepared(str(log), tmp_path / "blocked")


@pytest.mark.parametrize("odd", ["-a [1]*?", "{x}", "a  b"])
def test_folders_and_files_may_have_any_name(tmp_path, odd):
    (tmp_path / odd).mkdir()
    path = tmp_path / odd / f"{odd}.csv"
    path.write_text("user,item\n" + "1,1\n1,2\n" * 3)
    made = open_prepared(str(path), tmp_path / odd, min_user=0, min_item=0)
    assert made.card["interactions"] == 6
    assert open_prepared(str(path), tmp_path / odd, min_user=0, min_item=0).events.equals(made.events)
    assert store.by_digest(made.digest, tmp_path / odd).folder == made.folder


@pytest.mark.parametrize(("name", "folder"), [("a b", "a-b"), ("../x", "x"), (".x", "x"), ("..", "data")])
def test_a_folder_has_a_name_that_any_system_takes(name, folder):
    assert store.folder_name(name) == folder


def test_a_copy_of_the_file_and_the_file_gone_find_what_was_prepared(log, tmp_path):
    said = []
    made = open_prepared(str(log), tmp_path / "data")
    log.touch()
    log.rename(log.with_name("away"))
    gone = open_prepared(str(log), tmp_path / "data", report=said.append)
    assert (gone.folder, gone.digest) == (made.folder, made.digest)
    assert f"{log} is gone; this was prepared from it" in said
    # Not in another way.
    with pytest.raises(DataError, match="there is no file"):
        open_prepared(str(log), tmp_path / "data", time="none")
    with pytest.raises(DataError, match="there is no file"):
        open_prepared(str(log), tmp_path / "data", min_user=1)
    log.with_name("away").rename(log)
    os.utime(log, (1, 1))
    assert open_prepared(str(log), tmp_path / "data").folder == made.folder


def test_a_pattern_is_looked_at_anew_each_time(log, tmp_path):
    shutil.copy(log, tmp_path / "part-1.csv")
    made = open_prepared(str(tmp_path / "part-*.csv"), tmp_path / "data")
    shutil.copy(log, tmp_path / "part-2.csv")
    assert open_prepared(str(tmp_path / "part-*.csv"), tmp_path / "data").events.height == 2 * made.events.height


@pytest.mark.parametrize("name", ["a [1].csv", "*.csv", "журнал.csv", " a .csv", "-a.csv", "$x_1$.csv"])
def test_no_name_of_a_file_or_folder_changes_what_is_read(log, tmp_path, monkeypatch, name):
    folder = tmp_path / f"in {name}"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shutil.copy(log, name)
    shutil.copy(log, "a 1.csv")
    made = open_prepared(name, Path("d[0]*"))
    assert made.digest == open_prepared(str(log), tmp_path / "plain").digest
    assert open_prepared(name, Path("d[0]*")).folder == made.folder
    assert by_digest(made.digest, Path("d[0]*")).folder == made.folder


def test_how_events_are_ordered_stands_in_the_card_and_is_said_again(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("user,item\n" + "".join(f"{u},{i}\n" for u in range(9) for i in range(9)))
    for _ in range(2):
        said = []
        made = open_prepared(str(path), tmp_path, report=said.append)
        assert made.card["order"] == "file order"
        assert "the order of the file is taken as the order of time" in said
    timed = tmp_path / "timed.csv"
    timed.write_text("user,item,t\n" + "".join(f"{u},{i},{i}\n" for u in range(9) for i in range(9)))
    assert open_prepared(str(timed), tmp_path).card["order"] == "t"


def test_files_that_are_split_are_kept_whole_and_come_together(tmp_path):
    for number, name in enumerate(("train", "valid", "test")):
        (tmp_path / name).write_text("user,item,t\n" + "".join(f"{u},{number},{number}\n" for u in range(9)))
    paths = {name: str(tmp_path / name) for name in ("valid", "test")}
    made = open_prepared(str(tmp_path / "train"), tmp_path / "data", **paths)
    assert made.events["part"].value_counts().sort("part").rows() == [(0, 9), (1, 9), (2, 9)]
    assert (made.card["min_user"], made.card["rows_dropped"]) == (0, 0)
    assert open_prepared(str(tmp_path / "train"), tmp_path / "data", **paths).folder == made.folder
    with pytest.raises(UsageError, match="do not fit files that are split"):
        open_prepared(str(tmp_path / "train"), tmp_path / "data", min_user=3, **paths)
    with pytest.raises(UsageError, match="both --valid and --test"):
        open_prepared(str(tmp_path / "train"), tmp_path / "data", valid=paths["valid"])


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("u.data", "7\tno\t3\t1\n"),
        ("u.data", "7\n"),
        ("u.data", ""),
        ("u.data", "7\t11\t3\t880000001\t9\n"),
        ("u.data", "7\t11\t3\t99999999999999999999\n"),
        ("u.data", "\xff\t1\t1\t1\n"),
        ("u.item", f"{10**40}|Title|{'|'.join('0' * 22)}\n"),
    ],
)
def test_a_file_of_the_catalog_that_is_not_as_it_should_be_is_named_in_one_line(tmp_path, monkeypatch, file, rows):
    from linrec_cli.datasets import ml_100k

    path = tmp_path / "ml-100k.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (ml_100k.EXAMPLE["ml-100k.zip"] | {f"ml-100k/{file}": rows}).items():
            archive.writestr(name, text.encode("latin-1"))
    monkeypatch.setattr(origin, "_fetched", lambda *_: (path, "digest"))
    with pytest.raises(DataError) as told:
        open_prepared("ml-100k", tmp_path)
    if rows:
        assert str(told.value).startswith("ml-100k is not as it should be (")
        assert str(told.value).endswith("); fetch it again by linrec download ml-100k --force.")
    assert "\n" not in str(told.value)


def test_what_goes_wrong_with_what_is_no_file_of_the_catalog_is_told_as_it_is(log, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise ValueError("of linrec's own")

    monkeypatch.setattr(store, "prepare", broken)
    with pytest.raises(ValueError, match="of linrec's own"):
        open_prepared(str(log), tmp_path / "data")


def test_each_file_of_a_split_counts_and_so_does_where_one_ends(tmp_path):
    rows = [f"{user},{number},{number}\n" for user in range(9) for number in range(3)]
    paths = {name: tmp_path / name for name in ("train", "valid", "test")}

    def opened(**more):
        for number, (name, path) in enumerate(paths.items()):
            own = more.get(name, [row for row in rows if row.endswith(f",{number}\n")])
            path.write_text("user,item,t\n" + "".join(own))
        given = {name: str(paths[name]) for name in ("valid", "test")}
        return open_prepared(str(paths["train"]), tmp_path / "data", **given)

    made = [opened(), opened(valid=["0,2,1\n"]), opened(test=["0,1,2\n"]), opened()]
    assert len({one.folder for one in made}) == len({one.digest for one in made}) == 3
    assert made[0].folder == made[3].folder


def test_what_another_format_prepared_is_prepared_anew(log, tmp_path, monkeypatch):
    made = open_prepared(str(log), tmp_path / "data")
    monkeypatch.setattr(store, "FORMAT", store.FORMAT + 1)
    assert open_prepared(str(log), tmp_path / "data").folder != made.folder
    monkeypatch.setattr(store, "FORMAT", store.FORMAT + 1)
    log.unlink()
    with pytest.raises(DataError, match="there is no file"):
        open_prepared(str(log), tmp_path / "data")


def test_of_what_is_gone_the_latest_is_found(log, tmp_path):
    found = {}
    for when, rows in ((3000, 4), (1000, 5), (2000, 6)):
        log.write_text("user,item,time\n" + "".join(f"{u},{i},{i}\n" for u in range(9) for i in range(rows)))
        made = open_prepared(str(log), tmp_path / "data", min_user=0, min_item=0)
        os.utime(made.folder, (when, when))
        found[when] = made.digest
    log.unlink()
    assert open_prepared(str(log), tmp_path / "data", min_user=0, min_item=0).digest == found[3000]
