"""The rows of a cell: what its children measured, in the columns of the table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

from linrec_cli.profiling.cell import Cell
from linrec_cli.profiling.clock import Sample, quantiles
from linrec_cli.profiling.memory import RESOLUTION

if TYPE_CHECKING:
    from linrec_cli.profiling.count import Count
    from linrec_cli.profiling.memory import Peaks
    from linrec_cli.profiling.nvml import Reading
    from linrec_cli.profiling.roofline import Ceiling

Row = dict[str, Any]
T = TypeVar("T")

UNITS = {
    "seconds": "s",
    "wall_seconds": "s",
    "peak_bytes": "B",
    "saved_bytes": "B",
    "state_bytes": "B",
    "operations": "1",
    "bytes_moved": "B",
    "joules": "J",
    "flops_per_second": "1/s",
    "bytes_per_second": "B/s",
    "users_per_second": "1/s",
    "roofline_share": "1",
    "gpu_clock": "Hz",
    "gpu_temperature": "°C",
    "gpu_processes": "1",
}
"""Every metric of a profile, with its unit."""
COUNTED = ("operations", "bytes_moved", "saved_bytes")
"""What is counted, not measured: the same on every device."""
LATE = "the GPU began before all was queued, so that the time has launches in it"
"""The note of a time on a GPU that could not be held back for as long as its launches take, or that waits for it."""
TICK = 1e-9
"""Seconds that a clock tells apart: a span that does nothing may take none."""


def row(cell: Cell, metric: str, **more: Any) -> Row:
    """Write what every row of a cell has."""
    return cell.labels | {"phase": cell.phase, "metric": metric, "unit": UNITS[metric], "status": "ok"} | more


def number(cell: Cell, metric: str, value: float, **more: Any) -> Row:
    """Write a number that was read once."""
    return row(cell, metric, value=float(value), samples=[float(value)], **more)


def failed(cell: Cell, metrics: tuple[str, ...], status: str, note: str) -> list[Row]:
    """Write a cell that was not measured: rows that say why."""
    return [
        row(cell, metric, phase=phase, status=status, note=note)
        for metric in metrics
        for phase in cell.phases
        if metric != "saved_bytes" or keeps(cell, phase)
    ]


def keeps(cell: Cell, phase: str) -> bool:
    """Tell whether something is kept for a backward pass: said of the whole, not of its parts."""
    return cell.what.keeps and phase == cell.phase


def completed(cell: Cell, found: dict[str, T], whole: Callable[[T, T], T]) -> dict[str, T]:
    """Add the whole to what was found of each of its parts, and keep what is asked for."""
    parts = cell.what.parts
    if parts and {*parts} <= found.keys():
        found = found | {cell.phase: reduce(whole, (found[part] for part in parts))}
    return {span: value for span, value in found.items() if cell.what.ways or span in cell.phases}


def first(a: T, b: T) -> T:
    """Take the first of two that are the same."""
    return a


def where(cell: Cell, span: str) -> Row:
    """Write the span a row is of: its phase, or the way that it is done."""
    return {"phase": cell.phase, "stage": span} if cell.what.ways else {"phase": span}


def peaks(cell: Cell, found: "Peaks", kernels: dict[str, str], process: int) -> list[Row]:
    """Write peaks, the whole's being the highest of its parts'; `stage` ends with the counter."""

    def higher(a: dict[str, float], b: dict[str, float]) -> dict[str, float]:
        return {counter: max(a[counter], b[counter]) for counter in a}

    kernels, rows = completed(cell, kernels, first), []
    for span, counters in completed(cell, found, higher).items():
        shared = where(cell, span) | {"kernel": kernels.get(span), "process": process}
        for counter, value in counters.items():
            stage = f"{span}.{counter}" if cell.what.ways else counter
            rows.append(peak(cell, counter, value, **shared | {"stage": stage}))
    return rows


def peak(cell: Cell, counter: str, value: float, **shared: Any) -> Row:
    """Write a peak; one of 0 is no measurement, and says why."""
    if value > 0:
        return number(cell, "peak_bytes", value, **shared)
    finest = f", {RESOLUTION[counter] >> 20} MiB" if counter in RESOLUTION else ""
    note = f"the peak of {shared['phase']} is below what the counter `{counter}` can tell{finest}"
    return row(cell, "peak_bytes", **shared | {"status": "skipped", "note": note})


def counted(cell: Cell, counts: "dict[str, Count]", kernels: dict[str, str], process: int) -> list[Row]:
    """Write what was counted: operations, bytes moved, and bytes kept for the backward pass or the next event."""
    kernels, rows = completed(cell, kernels, first), []
    for span, count in completed(cell, counts, both).items():
        shared = where(cell, span) | {"kernel": kernels.get(span), "process": process}
        values = {"operations": count.operations, "bytes_moved": count.bytes, "saved_bytes": count.saved_bytes}
        for metric, value in values.items():
            if metric != "saved_bytes" or keeps(cell, span):
                rows.append(number(cell, metric, value, **shared))
        if count.state_bytes:
            rows.append(number(cell, "state_bytes", count.state_bytes, **shared))
    return rows


def both(a: "Count", b: "Count") -> "Count":
    """Add the counts of two parts, of which the second uses up what the first keeps."""
    from linrec_cli.profiling.count import Count

    return Count(a.operations + b.operations, a.bytes + b.bytes, a.saved_bytes, a.saved_input_bytes)


def times(cell: Cell, samples: list[Sample], kernels: dict[str, str], **more: Any) -> list[Row]:
    """Write what the device took and, on a GPU, what its host waited; of what was not held back a row says so."""
    found = seconds(cell, [one.seconds for one in samples], kernels, **more)
    late = {span: any(span in one.late for one in samples) for span in samples[0].seconds}
    marked = completed(cell, late, lambda a, b: a or b).values()
    found = [row | {"note": LATE} if so else row for row, so in zip(found, marked, strict=True)]
    walls = [one.wall for one in samples]
    return found + (seconds(cell, walls, kernels, "wall_seconds", **more) if walls[0] else [])


def seconds(
    cell: Cell, samples: Sequence[Mapping[str, float]], kernels: dict[str, str], metric: str = "seconds", **more: Any
) -> list[Row]:
    """Write samples; the whole's are the sums of its parts in one run."""
    by_span = {name: [sample[name] for sample in samples] for name in samples[0]}
    kernels, rows = completed(cell, kernels, first), []
    for span, values in completed(cell, by_span, lambda a, b: [x + y for x, y in zip(a, b, strict=True)]).items():
        low, middle, high = quantiles(values)
        shared = where(cell, span) | {"kernel": kernels.get(span)} | more
        rows.append(row(cell, metric, value=middle, low=low, high=high, samples=values, **shared))
    return rows


def rates(cell: Cell, times: list[Row], counts: "dict[str, Count]", ceiling: "Ceiling | None") -> Iterator[Row]:
    """Write what follows from rows of times: work a second, the share of the roofline, users a second.

    Work is the device's; users wait for the host too, where there is a time of it.
    """
    counts, last = completed(cell, counts, both), times[-1]["metric"]
    for one in times:
        amounts = {"users_per_second": float(cell.batch)} if cell.what.users and one["metric"] == last else {}
        count = counts.get(one["stage"] if cell.what.ways else one["phase"])
        if count and one["metric"] == "seconds":
            amounts |= {"flops_per_second": float(count.operations), "bytes_per_second": float(count.bytes)}
            if ceiling:
                amounts["roofline_share"] = ceiling.seconds(count.operations, count.bytes)
        for metric, amount in amounts.items():
            ends = {"value": one["value"], "low": one["high"], "high": one["low"]}
            found = {name: amount / max(value, TICK) for name, value in ends.items()}
            yield one | found | {"metric": metric, "unit": UNITS[metric], "samples": None}


def followers(cell: Cell, roofline: bool) -> tuple[str, ...]:
    """List the metrics that follow from a cell's time, and from what was counted of it."""
    users = ("users_per_second",) if cell.what.users else ()
    return ("flops_per_second", "bytes_per_second", *users, *(("roofline_share",) if roofline else ()))


def driver(cell: Cell, readings: "list[Reading]", joules: dict[str, float], **more: Any) -> list[Row]:
    """Write what the driver said before the first turn and after the last, and the energy of a run."""
    silent: Row = {"status": "skipped", "note": "the driver does not say"}
    rows = []
    for stage, reading in (("before", readings[0]), ("after", readings[-1])):
        said = {"gpu_clock": reading.hertz, "gpu_temperature": reading.celsius, "gpu_processes": reading.others}
        for metric, value in said.items():
            known = silent if value is None else {"value": float(value)}
            rows.append(row(cell, metric, **known, **more, stage=stage))
    if not joules and not cell.what.part_of:
        rows.append(row(cell, "joules", **silent, **more))
    return rows + [number(cell, "joules", value, **where(cell, span), **more) for span, value in joules.items()]


def machine(metric: str, status: str, note: str) -> Row:
    """Write what every row of the machine itself has."""
    return {"phase": "machine", "metric": metric, "unit": UNITS[metric], "status": status, "note": note}


def ceilings(dtype: str, answer: Any) -> list[Row]:
    """Write the most the machine reached, and all samples; `stage` says whether it copied or multiplied."""
    found = []
    for stage, metric in (("copy", "bytes_per_second"), ("matmul", "flops_per_second")):
        shared = machine(metric, answer.status, answer.note) | {"stage": stage, "dtype": dtype}
        samples = answer.content[stage] if answer.status == "ok" else []
        numbers = {"value": max(samples), "low": min(samples), "high": max(samples)} if samples else {}
        found.append(shared | numbers | {"samples": samples})
    return found
