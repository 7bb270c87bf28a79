"""The room left is that of the machine and of the control group."""

from linrec_cli.profiling import headroom

MIB = 2**20


def test_a_group_with_a_limit_leaves_the_rest_and_cached_files_are_free(tmp_path):
    (tmp_path / "memory.max").write_text(f"{100 * MIB}\n")
    (tmp_path / "memory.current").write_text(f"{70 * MIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {20 * MIB}\n")
    assert headroom.left_in(tmp_path, *headroom.NAMES[0]) == 50 * MIB


def test_a_group_without_a_limit_says_nothing(tmp_path):
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1\n")
    (tmp_path / "memory.stat").write_text("anon 1\n")
    assert headroom.left_in(tmp_path, *headroom.NAMES[0]) is None
    assert headroom.left_in(tmp_path / "none", *headroom.NAMES[0]) is None


def test_there_is_room_here():
    assert headroom.bytes_free("cpu") > MIB
