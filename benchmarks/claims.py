"""Compute what `docs/claims.md` says of mechanisms' weights and work: `python benchmarks/claims.py --out FOLDER`.

Writes properties.csv, cost.csv and drawn.csv into the folder, and with `--run`, a finished run with its weights (give
it once for each), trained.csv, which is about that run's layers. `python benchmarks/document.py` makes the tables of
it. `--check FOLDER` computes the first three again and fails where a number is another one: by rounding none is.

    python benchmarks/claims.py --out results/reference/cpu/claims --run results/runs/ml-100k-sasrec-linear-200-s0-...
"""

import argparse
import math
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "test_claims"))

import costs
import matrices
import moments
import polars as pl
import torch
from _measured import write

from linrec_cli.profiling.count import Count

SIZE, BASE = 32, "softmax"
SHORT, LENGTHS = 256, (512, 1024, 2048)
CLOSE = 0.01
"""Numbers that differ by less, of 1 or of themselves, are the same."""
Row = dict[str, Any]


def properties() -> Iterator[Row]:
    """Measure what each mechanism keeps of dot-product attention."""
    for name, form in matrices.CASES:
        found = matrices.properties(name, form)
        yield {
            "mechanism": name,
            "form": form,
            "linear": found.nonlinearity < 1e-9,
            "rank_half": found.ranks[0],
            "rank": found.ranks[1],
            "negative": found.negative,
            "row_sum": found.row_sum[0],
            "row_sum_spread": found.row_sum[1],
            "query_scale": found.query_scale,
            "sharpest": found.sharpest,
            "chosen": found.chosen,
            "chosen_bound": math.sqrt(2 * found.aimed_rank / matrices.LENGTH),
            "loud": found.loud,
        }


@cache
def counts(name: str, form: str) -> dict[int, Count]:
    """Count a mechanism's work at some lengths."""
    return {length: costs.count(name, form, length, SIZE) for length in (SHORT, *LENGTHS)}


def operations(name: str, form: str) -> list[float]:
    """Fit `a + b T + c T^2` through the counted operations."""
    powers = torch.tensor([[1, n, n * n] for n in LENGTHS], dtype=torch.float64)
    found = torch.tensor([float(counts(name, form)[n].operations) for n in LENGTHS], dtype=torch.float64)
    return torch.linalg.solve(powers, found).tolist()


def overtakes(name: str, form: str) -> int | None:
    """Find the length from which on it takes fewer operations than softmax, if there is one."""
    a, b, c = (x - y for x, y in zip(operations(name, form), operations(BASE, form), strict=True))
    if c >= -1e-3 * SIZE:
        return None
    return max(1, math.ceil((-b - math.sqrt(max(0.0, b * b - 4 * a * c))) / (2 * c)))


def cost() -> Iterator[Row]:
    """Count each mechanism's work; what is kept, in numbers of a tensor like the values."""
    for name, form in costs.CASES:
        found, own, base = costs.exponents(name, form), counts(name, form), counts(BASE, form)
        short, long = (own[n].operations / base[n].operations for n in (SHORT, LENGTHS[-1]))
        yield {
            "mechanism": name,
            "form": form,
            "stated": costs.stated(name)["operations"],
            "in_length": found["T"],
            "in_size": found["D"],
            "operations": own[LENGTHS[-1]].operations / LENGTHS[-1],
            "ratio_short": short,
            "ratio_long": long,
            "fewer_from": overtakes(name, form),
            "kept": costs.kept(own[LENGTHS[-1]]) / LENGTHS[-1] / 4 / SIZE,
        }


def lines(queries: str, stages: dict[str, torch.Tensor]) -> Iterator[Row]:
    """Describe weights `[..., T, T]`, a row a kind."""
    for stage, weights in stages.items():
        yield {"queries": queries, "weights": stage, **moments.describe(weights)}


def stages(q: torch.Tensor, k: torch.Tensor) -> dict[str, torch.Tensor]:
    """Make the weights of LinRec with and without its norms, and of softmax."""
    made = {f"LinRec, {name}": moments.linrec(q, k, *norms) for name, norms in moments.STAGES.items()}
    return made | {"softmax": moments.softmax(q, k)}


def drawn() -> Iterator[Row]:
    """Describe weights of random queries and keys."""
    for scale in (0.1, 1.0, 3.0):
        yield from lines(f"normal, scale {scale:g}", stages(*moments.normal(200, SIZE, scale)))


def trained(runs: list[Path], data_dir: Path) -> Iterator[Row]:
    """Describe weights of finished runs' layers; of `linear`, also the same queries and keys under other weights."""
    for run in runs:
        for layer, attention, parts in moments.trained(run, data_dir):
            name = f"{re.sub(r'-[0-9a-f]{10}$', '', run.name)}, layer {layer + 1}"
            mechanism = attention.__module__.rpartition(".")[2].replace("_", "-")
            users = range(len(parts["v"]))
            weights = [matrices.matrix(attention, {n: p[u, None] for n, p in parts.items()}) for u in users]
            rows = [*lines(name, {"as trained": torch.stack(weights)})]
            if mechanism == "linear":
                rows += lines("the same", stages(parts["q"], parts["k"]))
            yield from ({"mechanism": mechanism} | row for row in rows)


COMPUTED: dict[str, Callable[[], Iterator[Row]]] = {"properties": properties, "cost": cost, "drawn": drawn}


def differing(old: list[Row], new: list[Row]) -> Iterator[str]:
    """Name the numbers that are others than they were."""
    if len(old) != len(new):
        yield f"{len(new)} rows in place of {len(old)}"
        return
    for was, now in zip(old, new, strict=True):
        where = " ".join(str(x) for x in list(now.values())[:2])
        for column, value in now.items():
            if not same(was.get(column), value):
                yield f"{where}: {column} {was.get(column)} is now {value}"


def same(old: Any, new: Any) -> bool:
    """Tell whether two cells agree, up to rounding."""
    if isinstance(new, float | int) and isinstance(old, float | int):
        return math.isclose(old, new, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(old == new)


def main() -> int:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, help="write the tables into this folder")
    what.add_argument("--check", type=Path, help="compute again what this folder holds; exit 1 where it differs")
    parser.add_argument("--run", type=Path, action="append", default=[], help="a finished run: write trained.csv alone")
    parser.add_argument("--data-dir", type=Path, default=Path("datasets"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.check:
        found = [
            f"{name}: {text}"
            for name, make in COMPUTED.items()
            for text in differing(
                pl.read_csv(given.check / f"{name}.csv", infer_schema_length=None).to_dicts(), [*make()]
            )
        ]
        print("\n".join(found) or "nothing differs")
        return int(bool(found))
    makers = {"trained": lambda: trained(given.run, given.data_dir)} if given.run else COMPUTED
    for name, make in makers.items():
        write(make(), given.out / f"{name}.csv", threads=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
