"""The compiled form works on the threads that torch has, and on its own where there is no torch; on any, alike."""

import subprocess
import sys
from pathlib import Path

import pytest

from linrec_cli.kernels import _library

SHARED = """
import os, torch
from linrec_cli.kernels import linrec
def threads(): return len(os.listdir("/proc/self/task"))
torch.set_num_threads(3)
x, before = torch.randn(8, 1, 64, 16), threads()
with linrec.force("compiled"): linrec.mix(x, x, x)
ours = threads()
torch.randn(10**6).exp_()
print(ours - before, threads() - ours)
"""
ALONE = """
import ctypes, sys
from linrec_cli.kernels._library import OBJECT
assert "torch" not in sys.modules and not hasattr(ctypes.CDLL(None), "GOMP_parallel")
library = ctypes.CDLL(str(OBJECT))
batch, heads, length, size = shape = 5, 2, 70, 8
count = batch * heads * length * size
draws = [[((7 * i + 3 * n) % 11 - 5) / 5 for i in range(count)] for n in range(3)]
found = []
for threads in (1, 3):
    blocks = [(ctypes.c_float * count)(*draw) for draw in (*draws, [0.0] * count)]
    places = [(ctypes.addressof(b), heads * length * size, length * size, size) for b in blocks]
    given = [*places[:3], (0,) * 4, places[3], *[(0,) * 4] * 4]
    flat = (ctypes.c_int64 * 36)(*(number for place in given for number in place))
    sizes = (ctypes.c_int64 * 5)(*shape, 64)
    assert library.linrec_run(sizes, flat, None, None, None, ctypes.c_int64(threads)) == 0
    found.append(bytes(blocks[3]))
print(found[0] == found[1], any(blocks[3]))
"""


def printed(code: str) -> list[str]:
    """Run Python and give the words that it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(autouse=True)
def there() -> None:
    if not Path("/proc/self/task").is_dir() or not _library.OBJECT.is_file():
        pytest.skip("threads are not listed here, or nothing was compiled")


def test_threads_that_it_works_on_stay_and_torch_has_them_too() -> None:
    assert printed(SHARED) == ["2", "0"]


def test_where_there_is_no_torch_it_works_on_threads_of_its_own() -> None:
    assert printed(ALONE) == ["True", "True"]
