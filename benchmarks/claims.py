"""Make the tables of `docs/claims.md`: `python benchmarks/claims.py --write docs/claims.md`.

Without `--write` they are printed. Each `--run` is a finished run whose layers are looked at too, and `--results` a
folder of runs whose quality, time and memory are put side by side:
    python benchmarks/claims.py --run results/runs/ml-100k-sasrec-linear-200-s0-... --results results/reference/cpu
"""

import argparse
import math
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import polars as pl
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "test_claims"))

import costs
import matrices
import moments

SIZE, BASE = 32, "softmax"
SHORT, LENGTHS = 256, (512, 1024, 2048)


def table(heads: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in ([*heads], ["---"] * len(heads), *rows)]
    return "\n".join(lines) + "\n"


def number(x: float, digits: int = 2) -> str:
    return f"{x:.{digits}f}".replace("0.", ".", 1) if abs(x) < 1 else f"{x:.{digits}f}"


def properties() -> str:
    rows = []
    for name, form in matrices.CASES:
        found = matrices.properties(name, form)
        linear = found.nonlinearity < 1e-9
        cells = [
            "{} to {}".format(*found.ranks),
            number(found.negative),
            "{} ± {}".format(*map(number, found.row_sum)),
            number(found.query_scale),
            number(found.sharpest),
            f"{number(found.chosen)} (≤ {number(math.sqrt(2 * found.aimed_rank / matrices.LENGTH))})",
            number(found.loud),
        ]
        # Where the output is no weighted sum of the values there are no weights to speak of.
        rows.append([f"`{name}`", form, "yes", *cells] if linear else [f"`{name}`", form, "no", *["–"] * len(cells)])
    return table(
        ["", "form", "linear in values", "rank", "negative", "row sum", "query ×10", "sharpest", "chosen", "loud"], rows
    )


@cache
def counts(name: str, form: str) -> dict[int, costs.Count]:
    return {length: costs.count(name, form, length, SIZE) for length in (SHORT, *LENGTHS)}


def operations(name: str, form: str) -> list[float]:
    """Fit `a + b T + c T^2` through the counted operations."""
    powers = torch.tensor([[1, n, n * n] for n in LENGTHS], dtype=torch.float64)
    found = torch.tensor([float(counts(name, form)[n].operations) for n in LENGTHS], dtype=torch.float64)
    return torch.linalg.solve(powers, found).tolist()


def overtakes(name: str, form: str) -> str:
    """Find the length from which on it takes fewer operations than softmax."""
    a, b, c = (x - y for x, y in zip(operations(name, form), operations(BASE, form), strict=True))
    if c >= -1e-3 * SIZE:
        return "never"
    return f"{max(1, math.ceil((-b - math.sqrt(max(0.0, b * b - 4 * a * c))) / (2 * c))):,}"


def cost() -> str:
    rows = []
    for name, form in costs.CASES:
        found, stated = costs.exponents(name, form), costs.stated(name)
        own, base = counts(name, form), counts(BASE, form)
        longest = own[LENGTHS[-1]]
        ratios = [own[n].operations / base[n].operations for n in (SHORT, LENGTHS[-1])]
        rows.append(
            [
                f"`{name}`",
                form,
                f"`{stated['operations']}`",
                f"{found['T']:.2f}, {found['D']:.2f}",
                f"{longest.operations / LENGTHS[-1]:,.0f}",
                *map(number, ratios),
                overtakes(name, form),
                # In numbers of a tensor like the values.
                number(costs.kept(longest) / LENGTHS[-1] / 4 / SIZE),
            ]
        )
    shares = [f"÷ softmax, {n:,}" for n in (SHORT, LENGTHS[-1])]
    return table(["", "form", "stated", "found: T, D", "operations", *shares, "fewer from", "kept"], rows)


def lines(source: str, stages: dict[str, torch.Tensor]) -> list[list[str]]:
    rows = []
    for stage, weights in stages.items():
        found = moments.describe(weights)
        spread = f"{number(found.pop('row sum'))} ± {number(found.pop('spread'))}"
        rows.append([source, stage, spread, *(number(value) for value in found.values())])
    return rows


def stages(q: torch.Tensor, k: torch.Tensor) -> dict[str, torch.Tensor]:
    made = {f"LinRec, {name}": moments.linrec(q, k, *norms) for name, norms in moments.STAGES.items()}
    return made | {"softmax": moments.softmax(q, k)}


HEADS = ["queries and keys", "weights", "row sum", "row size", "growth", "negative", "positions", "top 10", "rank"]


def drawn() -> str:
    rows = []
    for scale in (0.1, 1.0, 3.0):
        rows += lines(f"normal, scale {scale:g}", stages(*moments.normal(200, SIZE, scale)))
    return table(HEADS, rows)


def trained(runs: list[Path], data_dir: Path) -> str:
    rows = []
    for run in runs:
        for layer, attention, parts in moments.trained(run, data_dir):
            name = re.sub(r"-[0-9a-f]{10}$", "", run.name)
            weights = torch.stack(
                [matrices.matrix(attention, {n: p[u, None] for n, p in parts.items()}) for u in range(len(parts["v"]))]
            )
            rows += lines(f"{name}, layer {layer + 1}", {"as trained": weights})
            if attention.__module__.rpartition(".")[2] == "linear":
                rows += lines("the same", stages(parts["q"], parts["k"]))
    return table(HEADS, rows)


def measured(results: list[Path]) -> Iterator[pl.DataFrame]:
    from linrec_cli.results import store

    for folder in results:
        yield store.read(folder).filter(pl.col("status") == "ok")


def quality(results: list[Path]) -> str:
    groups, rows = ["dataset", "maxlen", "threads", "mechanism"], []
    k = (pl.col("k") == 10) & (pl.col("protocol") == "full") & (pl.col("seen") == "remove")
    wanted = {
        "test": (pl.col("metric") == "ndcg") & (pl.col("stage") == "test") & k,
        "valid": (pl.col("metric") == "ndcg") & (pl.col("stage") == "valid") & k,
        "recall": (pl.col("metric") == "recall") & (pl.col("stage") == "test") & k,
        "seconds": pl.col("metric") == "seconds_per_epoch",
        "peak": pl.col("metric") == "peak_bytes",
    }
    for frame in measured(results):
        named = frame.filter(command="train", status="ok").with_columns(mechanism=mechanism())
        means = named.group_by(groups).agg(
            *(pl.col("value").filter(rule).mean().alias(name) for name, rule in wanted.items()),
            sd=pl.col("value").filter(wanted["test"]).std(),
            seeds=pl.col("seed").n_unique(),
        )
        for line in means.sort("dataset", "maxlen", "test", descending=[False, False, True]).iter_rows(named=True):
            spread = f" ± {number(line['sd'], 4)}" if line["sd"] is not None else ""
            figures = [number(line["test"], 4) + spread, *(number(line[name], 4) for name in ("valid", "recall"))]
            rows.append([line["dataset"], str(line["maxlen"]), f"`{line['mechanism']}`", str(line["seeds"]), *figures,
                         f"{line['seconds']:.1f}", f"{line['peak'] / 2**20:.0f}"])  # fmt: skip
    heads = ["NDCG@10", "validation", "Recall@10", "s an epoch", "MiB"]
    return table(["data", "maxlen", "", "seeds", *heads], rows)


def mechanism() -> pl.Expr:
    given = pl.when(pl.col("options").fill_null("") != "").then(pl.format(":{}", "options")).otherwise(pl.lit(""))
    return pl.col("attention") + given


def speed(results: list[Path]) -> str:
    keys = ["device", "dtype", "threads", "tokens", "phase", "maxlen"]
    rows, where = [], [*keys, "mechanism"]
    for frame in measured(results):
        kept = frame.filter(command="profile", status="ok").with_columns(mechanism=mechanism())
        kept = kept.filter(
            pl.col("metric").is_in(["seconds", "peak_bytes"]), pl.col("phase").is_in(["attention", "step"])
        )
        base = kept.filter(mechanism=BASE).select(*keys, "metric", pl.col("value").alias("base"))
        ratio = (
            kept.filter(pl.col("mechanism") != BASE)
            .join(base, on=[*keys, "metric"])
            .with_columns(pl.col("value") / pl.col("base"))
        )
        wide = ratio.pivot("metric", index=where, values="value", aggregate_function="median")
        for line in wide.sort("phase", "tokens", "maxlen", "seconds").iter_rows(named=True):
            found = ["–" if line.get(m) is None else number(line[m]) for m in ("seconds", "peak_bytes")]
            how = f"{line['device']}, {line['dtype']}, {line['threads']} threads, {line['tokens']:,} tokens"
            rows.append([how, line["phase"], f"{line['maxlen']:,}", f"`{line['mechanism']}`", *found])
    return table(["", "phase", "maxlen", "", "seconds ÷ softmax", "peak memory ÷ softmax"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path, help="replace the tables of this file")
    parser.add_argument("--run", type=Path, action="append", default=[], help="a finished run")
    parser.add_argument("--results", type=Path, action="append", default=[], help="a folder of runs")
    parser.add_argument("--data-dir", type=Path, default=Path("datasets"))
    given = parser.parse_args()
    makers = {"properties": properties, "cost": cost, "drawn": drawn}
    if given.run:
        makers["trained"] = lambda: trained(given.run, given.data_dir)
    if given.results:
        makers |= {"quality": lambda: quality(given.results), "speed": lambda: speed(given.results)}
    text = given.write.read_text("utf-8") if given.write else ""
    for name, make in makers.items():
        made = make()
        if not given.write:
            print(f"{name}\n\n{made}")
            continue
        text, count = re.subn(
            rf"(?s)(<!-- {name} -->\n).*?(<!-- end -->)", lambda m, made=made: m[1] + made + m[2], text
        )
        assert count == 1, f"{given.write} has no place for the table '{name}'"
    if given.write:
        given.write.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
