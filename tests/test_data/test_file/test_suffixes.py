"""Names of files."""

import pytest

from linrec_cli.data.file import suffixes


def test_the_name_of_a_file_loses_its_suffixes(tmp_path):
    assert [suffixes.stem(str(tmp_path / n)) for n in ("a.tsv.gz", "a.b.csv", "A.CSV", "a")] == [
        "a",
        "a.b",
        "A",
        "a",
    ]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("logs/part-*.csv", "part"),
        ("logs/*.csv", "logs"),
        ("logs/*/*.csv.gz", "logs"),
        ("*.csv", "here"),
        ("***", "here"),
        (".", "here"),
        ("/*.csv", "data"),
        ("a.csv,b.csv", "a"),
        ("-x.csv", "x"),
    ],
)
def test_a_pattern_is_named_by_what_is_plain_of_it_or_by_its_folder(tmp_path, monkeypatch, source, name):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert suffixes.stem(source) == name
