"""The two ways to read a text file against each other: polars, and record by record."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linrec_cli.data.file import delimited, regular_rows
from linrec_cli.data.file.read import read
from linrec_cli.errors import DataError


@pytest.mark.parametrize("quoted", [False, True])
def test_a_large_file_is_read_the_same_both_ways(tmp_path, monkeypatch, quoted):
    rng = random.Random(0)
    rows = [(f"u{rng.randrange(50)}", f"é{rng.randrange(90)}", rng.randrange(10**9)) for _ in range(5000)]
    fill = '"a, ""b"""' if quoted else "x"
    path = tmp_path / "large.csv"
    path.write_text("user,item,text,time\n" + "".join(f"{u},{i},{fill},{t}\n" for u, i, t in rows))
    monkeypatch.setattr(regular_rows, "BLOCK", 997)
    monkeypatch.setattr(delimited, "RECORDS", 333)
    assert read(path)[0].collect().rows() == rows
    with monkeypatch.context() as patch:
        patch.setattr(regular_rows, "count", lambda file: None)
        assert read(path)[0].collect().rows() == rows


def outcome(path):
    try:
        return read(path)[0].collect().rows()
    except DataError as error:
        return str(error)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(text=st.text('12a,"\n\r ', max_size=40), last=st.sampled_from(["", "\n"]))
def test_whatever_the_quotes_and_breaks_polars_reads_as_the_strict_reader_does(tmp_path, text, last):
    path = tmp_path / "any.csv"
    path.write_bytes(f"user,item\n{text}{last}".encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regular_rows, "BLOCK", 3)
        both = outcome(path)
        patch.setattr(regular_rows, "count", lambda file: None)
        assert outcome(path) == both
