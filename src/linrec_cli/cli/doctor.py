"""`linrec doctor`: what this machine can do, and whether what it computes is right."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from linrec_cli.cli import console
from linrec_cli.cli.options import Json, option
from linrec_cli.errors import LinrecError
from linrec_cli.settings import RUNNING

if TYPE_CHECKING:
    from linrec_cli.runs.doctor import Check

HELP = """Say what this machine can do, and hold every mechanism against its formula on it.

[bold]linrec doctor[/bold]
[bold]linrec doctor --device cuda[/bold]

Versions, processor, GPU and what reads it; how fast it copies and multiplies at best; and, for each mechanism, form \
and number format, the kernel that runs and how far its output and gradient are from the formula in float64. What is \
wrong or cannot be run is named, and the exit code is 1.
"""


def command(
    device: Annotated[str, option(RUNNING, "auto, cpu, cuda or mps.", "--device")] = "auto",
    threads: Annotated[int, option(RUNNING, "CPU threads.", "--threads", min=1, max=1024)] = 1,
    as_json: Json = False,
) -> None:
    """Look, measure, check, and show."""
    from linrec_cli import machine
    from linrec_cli.runs import doctor

    device = machine.device(device)
    machine.prepare(threads)
    (ceilings, contended), there = doctor.ceilings(device, threads), doctor.machine(device)
    checks = list(doctor.checks(device))
    if as_json:
        found = [asdict(one) | {"fine": one.fine} for one in checks]
        console.document({"machine": there, "ceilings": ceilings, "contended": contended, "checks": found})
    else:
        speeds = f"copies {ceilings['copy'] / 1e9:.1f} GB/s, multiplies {ceilings['matmul'] / 1e9:.0f} GFLOP/s"
        there["speed"] = f"{speeds} at best (float32, {threads} thread{'s' if threads > 1 else ''})"
        crowd = "Others use the cores now: what is timed beside them will be too long." if contended else ""
        console.table("This machine", ["", ""], there.items(), crowd)
        console.table("Mechanisms against their formulas", ["", "form", "dtype", "error", "kernel"], map(line, checks))
    wrong = [f"{one.attention} {one.form} {one.dtype} ({one.note})" for one in checks if not one.fine]
    if wrong:
        raise LinrecError(f"not right on this machine: {'; '.join(wrong)}; take no number of them, and report it.")


def line(one: "Check") -> list[str]:
    """Write a check as a line of the table."""
    error = "–" if one.error is None else f"{one.error:.0e}"
    return [one.attention, one.form, one.dtype, error, one.note or one.kernel]
