"""What every data set keeps, tested over the folder."""

import gzip
import io
import re
import tarfile
import zipfile
from datetime import datetime
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from linrec_cli import catalog

NAMES = catalog.names("datasets")
FETCHED = [name for name in NAMES if catalog.load("datasets", name).SOURCES]
MADE = [name for name in NAMES if name not in FETCHED]
FILES = [(name, source.filename) for name in FETCHED for source in catalog.load("datasets", name).SOURCES]
TOLD = [(name, filename) for name, filename in FILES if hasattr(catalog.load("datasets", name), "items")]
LATER = {11: ["Drama"], 12: [], 13: ["Action", "Drama"]}
GENRES = {
    "ml-100k": {11: ["Action", "Sci-Fi"], 12: ["unknown"]},
    "ml-1m": {11: ["Action", "Drama"], 12: ["Drama"]},
    "ml-20m": LATER,
    "ml-25m": LATER,
    "ml-32m": LATER,
}
"""What the examples say of the genres, by hand."""
LENGTHS = {"sha256": 64, "md5": 32}


def build(path: Path, members: dict[str, str]) -> Path:
    """Write the archive (or plain file, for the member "") that a data set's `EXAMPLE` describes."""
    latin = {
        name: text.encode("latin-1" if name.endswith((".dat", "u.item")) else "utf-8") for name, text in members.items()
    }
    if path.name.endswith((".zip", ".whl")):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in latin.items():
                archive.writestr(name, content)
    elif path.name.endswith(".tar.gz"):
        with tarfile.open(path, "w:gz") as archive:
            for name, content in latin.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(latin[""]))
    elif path.suffix == ".parquet":
        pl.read_csv(latin[""]).cast(pl.UInt32).write_parquet(path)
    else:
        path.write_bytes(latin[""])
    return path


def example(name: str, filename: str, folder: Path) -> tuple[ModuleType, Path]:
    module = catalog.load("datasets", name)
    return module, build(folder / filename, module.EXAMPLE[filename])


def check_events(events: pl.LazyFrame) -> pl.DataFrame:
    table = events.collect()
    assert table.columns in (["user", "item", "time"], ["user", "item", "rating", "time"])
    assert table["user"].dtype in (pl.Int64, pl.String)
    assert table["item"].dtype in (pl.Int64, pl.String)
    assert table["time"].dtype == pl.Int64
    assert "rating" not in table.columns or table["rating"].dtype == pl.Float64
    assert not any(table.null_count().row(0))
    return table


@pytest.mark.parametrize("name", NAMES)
def test_a_data_set_says_what_it_is_and_on_which_terms_it_may_be_used(name: str) -> None:
    module = catalog.load("datasets", name)
    assert module.__doc__
    assert isinstance(module.SOURCES, tuple)
    # The list of all data sets has this much room.
    assert 0 < len(module.LICENSE) <= 36
    assert len(module.CITATION) > 10


@pytest.mark.parametrize(("name", "filename"), FILES)
def test_a_source_has_a_well_formed_digest_and_a_size(name: str, filename: str) -> None:
    (source,) = (s for s in catalog.load("datasets", name).SOURCES if s.filename == filename)
    algorithm, _, digest = source.digest.partition(":")
    assert re.fullmatch(f"[0-9a-f]{{{LENGTHS[algorithm]}}}", digest)
    assert (source.bytes or source.about) > 0
    assert filename
    assert "/" not in filename
    assert source.label


@pytest.mark.parametrize("name", FETCHED)
def test_the_official_address_comes_first_and_is_secure(name: str) -> None:
    addresses = [getattr(source, "url", "") for source in catalog.load("datasets", name).SOURCES]
    assert addresses == sorted(addresses, key=lambda url: not url)
    assert all(url.startswith("https://") for url in addresses if url)


@pytest.mark.parametrize("name", FETCHED)
def test_what_is_offered_instead_is_a_data_set(name: str) -> None:
    instead = getattr(catalog.load("datasets", name), "INSTEAD", "")
    assert not instead or instead in NAMES


@pytest.mark.parametrize(("name", "filename"), FILES)
def test_read_gives_the_three_rows_of_the_example(name: str, filename: str, tmp_path: Path) -> None:
    module, path = example(name, filename, tmp_path)
    table = check_events(module.read(path))
    assert table.height == 3
    assert table["user"].n_unique() >= 2
    # Reading again gives the same, whatever the first reading left beside the archive.
    assert module.read(path).collect().equals(table)


def second(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


LATER_ROWS = [(7, 11, 1140000003), (7, 12, 1140000002), (9, 13, 1140000001)]
ROWS: dict[str, list[tuple[object, ...]]] = {
    "amazon-beauty": [(1, 1, 0), (1, 2, 1), (2, 1, 2)],
    "amazon-games": [(1, 1, 0), (1, 2, 1), (2, 1, 2)],
    "gowalla": [(9, 13, second("2010-05-01 01:00")), (7, 12, second("2010-05-02 02:00")),
                (7, 11, second("2010-05-03 03:00"))],
    "kuairand-1k": [(7, 11, 1649408000000), (9, 12, 1649466000000), (7, 12, 1650585600123)],
    "lastfm-1k": [("user_000002", "Quiet Harbour - One", second("2009-04-08 01:00")),
                  ("user_000001", "Déjà - Two", second("2009-05-04 02:00")),
                  ("user_000001", 'Déjà - One "Song', second("2009-05-04 03:00"))],
    "ml-100k": [(7, 11, 880000001), (7, 12, 880000002), (9, 11, 880000003)],
    "ml-1m": [(7, 11, 970000001), (7, 12, 970000002), (9, 13, 970000003)],
    "ml-1m-ncf": [(7, 11, 970000003), (9, 12, 970000002), (7, 13, 970000004)],
    "ml-20m": LATER_ROWS, "ml-25m": LATER_ROWS, "ml-32m": LATER_ROWS,
    "yambda-50m": [(7, 11, 5), (7, 12, 5), (9, 13, 10)],
}  # fmt: skip
"""Who had what and when, as the examples say it, by hand; in the order that counts where times tie: oldest first."""


@pytest.mark.parametrize(("name", "filename"), [one for one in FILES if one[0] in ROWS])
def test_users_items_and_times_are_those_of_the_example_in_the_order_that_counts(
    name: str, filename: str, tmp_path: Path
) -> None:
    module, path = example(name, filename, tmp_path)
    assert module.read(path).select("user", "item", "time").collect().rows() == ROWS[name]
    # Of these two the time is the number of a row.
    assert getattr(module, "TIMED", True) == (name not in ("amazon-beauty", "amazon-games"))


@pytest.mark.parametrize(("name", "filename"), TOLD)
def test_titles_and_features_fit_the_items(name: str, filename: str, tmp_path: Path) -> None:
    module, path = example(name, filename, tmp_path)
    items = module.items(path).collect()
    assert items.columns[:2] == ["item", "title"]
    assert items["item"].dtype == module.read(path).collect_schema()["item"]
    assert items["title"].str.len_chars().min() > 0
    assert not items.join(module.read(path).collect(), on="item").is_empty()
    assert not items["title"].str.contains("\ufffd|Ã|\\||::").any()
    assert all(items[name].dtype == pl.List(pl.String) for name in items.columns[2:])
    assert module.items(path).collect().equals(items)


@pytest.mark.parametrize(("name", "filename"), [(name, filename) for name, filename in TOLD if name in GENRES])
def test_genres_are_those_of_the_film(name: str, filename: str, tmp_path: Path) -> None:
    module, path = example(name, filename, tmp_path)
    assert dict(module.items(path).select("item", "genres").collect().iter_rows()) == GENRES[name]


@pytest.mark.parametrize(("name", "filename"), FILES)
def test_a_folder_may_have_any_name(name: str, filename: str, tmp_path: Path) -> None:
    tables = []
    for odd in ("plain", "-a [1]* ?{b}"):
        (tmp_path / odd).mkdir()
        module, path = example(name, filename, tmp_path / odd)
        told = module.items(path) if hasattr(module, "items") else pl.LazyFrame()
        tables.append([module.read(path).collect(), told.collect()])
    assert all(plain.equals(odd) for plain, odd in zip(*tables, strict=True))


@pytest.mark.parametrize("name", MADE)
def test_a_data_set_that_is_made_gives_the_same_columns(name: str) -> None:
    assert check_events(catalog.load("datasets", name).generate(name)).height > 0
