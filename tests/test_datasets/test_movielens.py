"""Lines of films as they may come."""

from linrec_cli.datasets._movielens import films


def test_a_line_ends_where_the_file_says_so_and_nowhere_else() -> None:
    content = "7|One\x85 and a Half (1994)|Drama\r\n\r\n8|Two\x1c|War\r\n"
    read = films(content, "|", lambda row: row[2:]).collect()
    assert read.rows() == [(7, "One\x85 and a Half (1994)", ["Drama"]), (8, "Two\x1c", ["War"])]
