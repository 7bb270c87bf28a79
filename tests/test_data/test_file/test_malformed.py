"""Malformed rows: refused by their lines, or left out and counted."""

import re

import pytest

from linrec_cli.errors import DataError

BAD = {
    "no user": ",10,5",
    "no item": "1,,5",
    "no item ": "1,  ,5",
    "no time": "1,10,",
    "'soon' is no time": "1,10,soon",
    "'nan' is no time": "1,10,nan",
    "2 fields instead of 3": "1,10",
    "4 fields instead of 3": "1,10,5,6",
    "broken quoting": '1,"10"x,5',
    r"broken quoting \(unexpected end": '1,"10,5',
    "not UTF-8": b"1,a\xff,5",
}


@pytest.mark.parametrize("reason", BAD)
@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_malformed_row_is_refused_by_its_line_and_left_out_if_asked(read, reason, place):
    lines = [b"user,item,time", *(b"%d,10,%d" % (n, n) for n in range(1, 8))]
    row = BAD[reason]
    lines.insert(place + 1, row if isinstance(row, bytes) else row.encode())
    content = b"\n".join(lines) + b"\n"
    with pytest.raises(DataError, match=rf"1 of 8 rows is malformed \(line {place + 2}: {reason.strip()}"):
        read(content)
    rows, notes = read(content, skip_bad=True)
    assert [row[0] for row in rows] == list(range(1, 8))
    lacking = re.match("no (user|item|time)|.* is no (time)", reason)
    told = f" (1 without {lacking[1] or lacking[2]})" if lacking else ""
    assert f"1 malformed row skipped{told}" in notes


def test_rows_too_short_and_too_long_do_not_make_up_for_each_other(read):
    with pytest.raises(DataError, match=r"2 of 3 rows.*line 2: 2 fields instead of 3; line 3: 4 fields"):
        read("user,item,time\n1,2\n1,2,3,4\n1,2,3\n")


def test_only_the_first_malformed_rows_are_shown_and_all_are_counted(read):
    with pytest.raises(DataError, match=r"9 of 10 rows are .*line 2: .*line 3: .*line 4: [^;]*; and 6 more\)"):
        read("user,item,time\n" + "1,2,x\n" * 9 + "1,2,3\n")


def test_a_row_that_lacks_two_things_counts_once(read):
    with pytest.raises(DataError, match=r"1 of 2 rows is malformed \(line 2: no user\)"):
        read("user,item,time\n,,5\n1,2,3\n")


def test_lines_are_counted_right_after_a_field_of_two_lines(read):
    with pytest.raises(DataError, match=r"line 4: no item"):
        read('user,item,text,time\n1,2,"a\nb",3\n1,,c,3\n')


NOTHING = ["", "na", "n/a", "#n/a", "<na>", "(null)", "<null>", "nan", "null", "none", "nil", "nat", "undefined", "\\n",
           "-", "--"]  # fmt: skip


@pytest.mark.parametrize("word", NOTHING)
@pytest.mark.parametrize("role", ["user", "item"])
def test_words_for_nothing_are_no_ids(read, word, role):
    row = f"{word},10,5" if role == "user" else f"1,{word},5"
    with pytest.raises(DataError, match=rf"2 of 4 rows .*line 3: (.* is )?no {role}"):
        read(f"user,item,time\n1,10,5\n{row}\n{row.upper()}\n1,11,6\n")
