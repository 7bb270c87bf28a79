"""Names of files."""

from linrec_cli.data.file import suffixes


def test_the_name_of_a_file_loses_its_suffixes(tmp_path):
    assert [suffixes.stem(str(tmp_path / n)) for n in ("a.tsv.gz", "a.b.csv", "A.CSV", "a")] == [
        "a",
        "a.b",
        "A",
        "a",
    ]
