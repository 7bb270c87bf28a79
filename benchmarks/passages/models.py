"""How well models rank, what they cost, and what a mechanism does to each of them."""

from collections import Counter
from collections.abc import Sequence

from linrec_cli import catalog
from linrec_cli.analysis.reading import over_runs, over_seeds
from passages._difference import beyond, difference
from passages._line import PEAK, Line
from passages._reference import Reference
from passages._words import NONE, blocks, code, listed, number, paragraph, table, times
from passages.quality import ML_1M, ML_100K, SIZES, TELLING, TITLES, epochs, lines

MAXLEN = 200
TOLD = (*TELLING, "linear-released")
BESIDE = "\\* trained while other processes took the cores, which makes seconds too long."
HEADS = ("model", "", "width, layers", "seeds", "NDCG@10", "ranked", "Recall@10", "best epoch", "s an epoch",
         "s to best", "MiB")  # fmt: skip


def small(reference: Reference) -> str:
    """Make the table of models on ml-100k, each with the most telling mechanisms it takes: the best first."""
    return leaderboard(reference, ML_100K)


def large(reference: Reference) -> str:
    """Make the table of models on ml-1m."""
    return leaderboard(reference, ML_1M)


def leaderboard(reference: Reference, dataset: str) -> str:
    """Make the table of a data set's models, each at each size it was trained at, the longest trained of its kind."""
    ranked, found = of_ranked(reference), longest(lines(reference), dataset)
    machine = max(counted := sum((line.places for line in found), Counter()), key=counted.get, default="")
    rows = []
    for line in sorted(found, key=lambda line: -line.ndcg):
        quality = [
            f"{number(line.ndcg, 4)} ± {number(line.spread, 4)}",
            again(line, ranked),
            number(over_seeds(line.values("recall", "test", 10)), 4),
        ]
        rows.append([code(line.model), mixing(line), sized(line), str(line.seeds), *quality, epochs(line)])
        rows[-1] += costs(line.at(machine)) if machine in line.places else [NONE] * 3
    said = f"Seconds and MiB: on {machine}; none of what was trained elsewhere." if rows else ""
    return blocks(table(HEADS, rows), paragraph(" ".join(filter(None, (said, beside(rows))))))


def mechanisms(reference: Reference) -> str:
    """Make the table of every mechanism that SASRec was trained with on ml-1m at the README's size, the best first."""
    asked, ranked = (ML_1M, "sasrec", MAXLEN, SIZES[ML_1M], ""), of_ranked(reference)
    names = ("dataset", "model", "maxlen", "size", "regime")
    every = sorted(lines(reference), key=lambda line: (line.seeds, sum(line.values("epochs"))))
    found = {line.mechanism: line for line in every if tuple(getattr(line, name) for name in names) == asked}
    if "softmax" not in found:
        return ""
    rows = []
    for name, line in sorted(found.items(), key=lambda pair: -pair[1].ndcg):
        apart = difference(line, found["softmax"])
        told = [str(apart), apart.chance] if name != "softmax" else [NONE, NONE]
        quality = [str(line.seeds), f"{number(line.ndcg, 4)} ± {number(line.spread, 4)}", again(line, ranked)]
        rows.append([code(name), *quality, number(line.validation, 4), *told, epochs(line)])
    heads = ["", "seeds", "NDCG@10", "ranked", "validation", "beside softmax", "", "best epoch"]
    return table(heads, rows)


def again(line: Line, ranked: dict[tuple[object, ...], float]) -> str:
    """Write NDCG@10 with items of the history ranked, where every seed was evaluated so."""
    found = [ranked[key] for key in map(key_of, of_seeds(line)) if key in ranked]
    return number(over_seeds(found), 4) if len(found) == line.seeds else NONE


def cloze(reference: Reference) -> str:
    """Make the table of BERT4Rec on ml-100k with every mechanism it was trained with, the best first."""
    asked, rows = (ML_100K, "bert4rec", MAXLEN), []
    found = [line for line in lines(reference) if (line.dataset, line.model, line.maxlen) == asked]
    for line in sorted(found, key=lambda line: -line.ndcg):
        patience = reference.settings(line.rows[0]["run"])["patience"]
        ndcg, recall = f"{number(line.ndcg, 4)} ± {number(line.spread, 4)}", line.values("recall", "test", 10)
        rows.append([code(line.mechanism), str(patience), str(line.seeds), ndcg, number(over_seeds(recall), 4)])
        rows[-1] += [epochs(line), *costs(line.alone)]
    heads = ["", "patience", "seeds", "NDCG@10", "Recall@10", "best epoch", "s an epoch", "s to best", "MiB"]
    return blocks(table(heads, rows), beside(rows))


def longest(found: Sequence[Line], dataset: str) -> list[Line]:
    """Keep what belongs into a leaderboard; of the same model, mechanism and size what was trained for most epochs."""
    kept: dict[tuple[str, str, tuple[int, int]], Line] = {}
    for line in sorted(found, key=lambda line: (line.seeds, sum(line.values("epochs")))):
        usual = (line.dataset, line.maxlen, line.regime) == (dataset, MAXLEN, "")
        if usual and line.mechanism in (*TOLD, line.model):
            kept[line.model, line.mechanism, line.size] = line
    return list(kept.values())


def key_of(row: dict[str, object]) -> tuple[object, ...]:
    """Give what a training and an evaluation of it share."""
    return tuple(row[name] for name in ("setup", "dataset", "model", "attention", "options", "maxlen", "seed"))


def of_seeds(line: Line) -> list[dict[str, object]]:
    """Give a row of each seed."""
    return list({row["seed"]: row for row in line.rows}.values())


def of_ranked(reference: Reference) -> dict[tuple[object, ...], float]:
    """Find NDCG@10 of evaluations that ranked items of the history too."""
    asked = {"metric": "ndcg", "k": 10, "stage": "test", "protocol": "full", "status": "ok"}
    return {key_of(row): row["value"] for row in reference.rows(command="evaluate", seen="rank", **asked)}


def mixing(line: Line) -> str:
    """Write the mechanism; of a model that has its own, none."""
    return NONE if line.mechanism == line.model else code(line.mechanism)


def sized(line: Line) -> str:
    """Write width and layers; a model that is counted has none."""
    counted = catalog.load("models", catalog.parse(line.model)[0]).FORM is None
    return NONE if counted else ", ".join(map(str, line.size))


def costs(line: Line) -> list[str]:
    """Write seconds an epoch, seconds to the best epoch and the peak of memory; * marks what others disturbed."""
    star = "\\*" if line.contended else ""
    timed, peaks, best = line.values("seconds_per_epoch"), line.values(PEAK), line.to_best
    seconds = f"{over_runs(timed):.1f}{star}" if timed else NONE
    return [seconds, NONE if best is None else f"{best:,.0f}{star}", mib(peaks)]


def mib(peaks: Sequence[float]) -> str:
    """Write a peak of memory, the median of the seeds."""
    return f"{over_runs(peaks) / 2**20:.0f}" if peaks else NONE


def pairs(reference: Reference) -> list[tuple[Line, Line]]:
    """Give each training of a mechanism with its backbone's softmax, of the same data and size."""
    found = [line for dataset in (ML_1M, ML_100K) for line in longest(lines(reference), dataset)]
    base = {(line.dataset, line.model, line.size): line for line in found if line.mechanism == "softmax"}
    own = [line for line in found if line.mechanism in TOLD[1:] and (line.dataset, line.model, line.size) in base]
    own.sort(key=lambda line: (line.dataset != ML_1M, line.model, line.size, TOLD.index(line.mechanism)))
    return [(line, base[line.dataset, line.model, line.size]) for line in own]


def backbones(reference: Reference) -> str:
    """Make the table of what a mechanism does to each backbone: quality, time and memory beside its softmax."""
    rows = []
    for line, softmax in pairs(reference):
        quality = [number(softmax.ndcg, 4), number(line.ndcg, 4), str(difference(line, softmax))]
        shares = [share(line, softmax, metric) for metric in ("seconds_per_epoch", PEAK)]
        title, size = TITLES.get(line.dataset, line.dataset), ", ".join(map(str, line.size))
        rows.append([title, code(line.model), size, code(line.mechanism), *quality, *shares])
    heads = ["data", "backbone", "width, layers", "", "softmax", "NDCG@10", "difference", "time", "memory"]
    return blocks(table(heads, rows), beside(rows))


def won(reference: Reference) -> str:
    """Say in how many backbones a mechanism ranks above their own softmax, and how many differences are clear."""
    every = [(line.mechanism, difference(line, softmax)) for line, softmax in pairs(reference)]
    said = []
    for name in TOLD[1:]:
        gains = [apart.gain for mechanism, apart in every if mechanism == name]
        if gains:
            said.append(f"{code(name)} in {sum(gain > 0 for gain in gains)} of {len(gains)}")
    alone, together = (sum(beyond([apart for _, apart in every], together=how)) for how in (False, True))
    many = f"{alone or 'none'} of the {len(every)} differences {'is' if alone == 1 else 'are'} more than chance"
    many += f", {together or 'none'} where all are asked about together (Holm)" if alone else ""
    first = f"Beside the softmax of the same backbone, size and data, {listed(said)} rank higher" if said else ""
    return paragraph(f"{first}; {many}." if said else "")


def beside(rows: Sequence[Sequence[str]]) -> str:
    """Say what the mark means, where one stands."""
    return paragraph(BESIDE) if any("\\*" in cell for row in rows for cell in row) else ""


def share(line: Line, softmax: Line, metric: str) -> str:
    """Write a cost as how many times softmax's; * marks disturbed times, and other machines' say nothing."""
    # The machine that both have most seeds of.
    both, most = line.places & softmax.places, line.places
    machine = max(both, key=lambda name: (both[name], most[name]), default="")
    line, softmax = line.at(machine), softmax.at(machine)
    own, base = line.values(metric), softmax.values(metric)
    if not own or not base:
        return NONE
    star = "\\*" if metric != PEAK and (line.contended or softmax.contended) else ""
    return times(over_runs(own) / over_runs(base)) + star
