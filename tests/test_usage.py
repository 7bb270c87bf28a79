"""What a process has taken of the machine, and whether others used its cores meanwhile."""

import subprocess
import sys
import time

import pytest

from linrec_cli import usage
from linrec_cli.usage import Usage

BESIDE = """
import os, subprocess, sys, time
os.sched_setaffinity(0, {next(iter(os.sched_getaffinity(0)))})
other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if sys.argv[1] == "beside" else None
from linrec_cli import usage
time.sleep(0.3)
begin = usage.read()
while time.perf_counter() - begin.wall < 0.5: pass
used = usage.read().since(begin)
if other: other.kill()
print(used.contended(1, waits=False))
"""


def test_spans_are_differences_and_add_up() -> None:
    assert Usage(5.0, 4.0, 9).since(Usage(2.0, 3.0, 4)) == Usage(3.0, 1.0, 5)
    assert Usage(5.0, 4.0, 9).plus(Usage(2.0, 3.0, 4)) == Usage(7.0, 7.0, 13)


def test_clocks_go_on_while_this_process_works_and_the_cpu_s_stands_while_it_sleeps() -> None:
    before = usage.read()
    time.sleep(0.05)
    slept = usage.read()
    while time.process_time() - slept.cpu < 0.02:
        pass
    worked = usage.read()
    assert slept.since(before).wall >= 0.05
    assert slept.since(before).cpu < slept.since(before).wall / 2
    assert worked.since(slept).cpu >= 0.02


@pytest.mark.parametrize(
    ("used", "threads", "waits", "contended"),
    [
        (Usage(10.0, 10.0, 0), 1, False, False),
        (Usage(10.0, 9.01, 500), 1, False, False),
        (Usage(10.0, 8.99, 0), 1, False, True),
        (Usage(10.0, 8.99, 0), 1, True, False),
        (Usage(10.0, 10.0, 501), 1, False, True),
        (Usage(10.0, 10.0, 501), 1, True, True),
        (Usage(10.0, 20.0, 1000), 2, False, False),
        (Usage(10.0, 20.0, 1001), 2, False, True),
    ],
)
def test_who_is_put_aside_often_or_gets_too_little_cpu_is_not_alone(
    used: Usage, threads: int, waits: bool, contended: bool
) -> None:
    assert used.contended(threads, waits) == contended


@pytest.mark.skipif(sys.platform != "linux", reason="binds itself to a core")
def test_beside_another_on_the_same_core_a_process_is_contended() -> None:
    done = subprocess.run([sys.executable, "-c", BESIDE, "beside"], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
