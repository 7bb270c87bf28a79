"""A file written and read in one go."""

import sys
from pathlib import Path

import pytest

from linrec_cli.data.file.read import read as read_file

# What stands beside the tests is theirs alone.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, name="log.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = read_file(path, **options)
        return found.events.collect().rows(), found.notes

    return write_and_read
