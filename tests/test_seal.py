"""A file carries the digest of its own rest: each bit that changes is noticed, and older files pass."""

import hashlib
import json
import random

import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from linrec_cli import disk, seal

TEXT = f"# {seal.BLANK}\nheads = 2\nname = 'é'\n"
WIDE = bytes(range(256)) * 3


@pytest.fixture
def file(tmp_path):
    """A sealed file, its seal in the middle."""
    path = tmp_path / "file"
    path.write_bytes(WIDE + seal.BLANK.encode() + WIDE)
    seal.seal(path)
    return path


def test_the_digits_are_the_sha256_of_the_file_with_zeros_in_their_place(file):
    content = WIDE + b"linrec-sha256:" + b"0" * 64 + b":sealed-by-linrec" + WIDE
    digits = hashlib.sha256(content).hexdigest().encode()
    assert file.read_bytes() == content.replace(b"0" * 64, digits)
    assert seal.sealed(TEXT) == TEXT.replace("0" * 64, hashlib.sha256(TEXT.encode()).hexdigest())


def test_a_bit_of_any_byte_that_flips_is_noticed_those_of_the_seal_too(tmp_path):
    path, chance = tmp_path / "file", random.Random(0)
    path.write_text(TEXT + "x" * 20, "utf-8")
    seal.seal(path)
    content = path.read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        assert not seal.whole(path), place
    path.write_bytes(content)
    assert seal.whole(path)


@pytest.mark.parametrize("piece", [seal.LONG, seal.LONG + 1, 150, 767, 768, 769, 800, 860, 862, 863, 864, 5000])
def test_a_seal_is_found_wherever_the_pieces_that_are_read_end(file, monkeypatch, piece):
    monkeypatch.setattr(seal, "PIECE", piece)
    content = file.read_bytes()
    assert seal.whole(file)
    for place in (0, 500, 768, 790, 850, 863, len(content) - 1):
        flipped = bytearray(content)
        flipped[place] ^= 4
        file.write_bytes(flipped)
        assert not seal.whole(file), place
    file.write_bytes(WIDE + seal.BLANK.encode() + WIDE)
    seal.seal(file)
    assert file.read_bytes() == content


def test_a_file_without_a_seal_is_an_older_one_and_passes(tmp_path):
    (tmp_path / "a").write_bytes(WIDE)
    assert seal.whole(tmp_path / "a")
    assert not seal.whole(tmp_path / "nothing")


@pytest.mark.parametrize("add", [b"x", b"", WIDE])
def test_what_is_cut_or_grows_is_noticed(file, add):
    content = file.read_bytes()
    file.write_bytes(content[:-1] + add + add)
    with pytest.raises(ValueError, match="changed since it was written"):
        seal.check(file)


def test_settings_pass_whatever_their_lines_end_with_and_not_edited(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(disk.sealed_toml({"heads": 2, "name": "é"}), "utf-8")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\n", b"\r\n"))
    assert disk.read_toml(path) == {"heads": 2, "name": "é"}
    path.write_bytes(content.replace(b"heads = 2", b"heads = 4"))
    with pytest.raises(ValueError, match="changed since it was written"):
        disk.read_toml(path)


@pytest.mark.parametrize("content", [b"", b"\n", b"# Not to be"])
def test_settings_of_which_nothing_is_left_are_no_settings(tmp_path, content):
    (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(ValueError, match="empty"):
        disk.read_toml(tmp_path / "a.toml")


def test_what_other_tools_read_is_what_was_written(tmp_path):
    frame = pl.DataFrame({"a": [1, 2], "b": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.UInt32, 2))})
    frame.write_parquet(tmp_path / "a", metadata={"seal": seal.BLANK})
    save_file({"a": torch.ones(3)}, tmp_path / "b", {"seal": seal.BLANK})
    (tmp_path / "c").write_text(json.dumps({"seal": seal.BLANK}))
    for name in "abc":
        assert (tmp_path / name).read_bytes().count(seal.BLANK.encode()) == 1
        seal.seal(tmp_path / name)
        assert seal.whole(tmp_path / name)
    assert pl.read_parquet(tmp_path / "a").equals(frame)
    assert json.loads((tmp_path / "c").read_text())["seal"].startswith("linrec-sha256:")
