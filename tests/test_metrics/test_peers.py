"""Recall, NDCG and MRR are those of another library, where one is installed: none is needed for linrec."""

import pytest
import torch

from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.evaluation.ranks import by_target, place
from linrec_cli.evaluation.summary import summary

KS = (1, 5, 10, 30)
USERS, ITEMS = 60, 30


@pytest.fixture
def scores() -> torch.Tensor:
    """Scores of all items for each user, none of them tied, all above 0: torchmetrics takes others for none."""
    generator = torch.Generator().manual_seed(8)
    return torch.stack([torch.randperm(ITEMS, generator=generator) for _ in range(USERS)]).float() + 1


@pytest.fixture
def gold(sequences: Sequences, parts: Parts) -> torch.Tensor:
    """Where each user's tested item stands among the scores."""
    return sequences.flat[parts.test.place] - 1


@pytest.fixture
def ours(sequences: Sequences, parts: Parts, scores: torch.Tensor, gold: torch.Tensor) -> dict[tuple[str, int], float]:
    """Our metrics, by name and cut-off."""
    table = summary(by_target(sequences, parts.test, place(scores, gold)), KS)
    return {(metric, k): value for metric, k, value in table.select("metric", "k", "value").rows()}


def test_torchmetrics_has_the_same_numbers(
    ours: dict[tuple[str, int], float], scores: torch.Tensor, gold: torch.Tensor
) -> None:
    retrieval = pytest.importorskip("torchmetrics.retrieval")
    theirs = {
        "recall": retrieval.RetrievalRecall,
        "ndcg": retrieval.RetrievalNormalizedDCG,
        "mrr": retrieval.RetrievalMRR,
    }
    relevant = torch.zeros(USERS, ITEMS, dtype=torch.bool).scatter_(1, gold[:, None], True)
    query = torch.arange(USERS)[:, None].expand_as(scores)
    assert {*ours} == {(name, k) for name in theirs for k in KS}
    for (name, k), value in ours.items():
        metric = theirs[name](top_k=k)
        metric.update(scores.flatten(), relevant.flatten(), indexes=query.flatten())
        assert value == pytest.approx(float(metric.compute()), abs=1e-6)


# numba warns of what ranx casts.
@pytest.mark.filterwarnings("ignore")
def test_ranx_has_the_same_numbers(
    ours: dict[tuple[str, int], float], scores: torch.Tensor, gold: torch.Tensor
) -> None:
    ranx = pytest.importorskip("ranx")
    qrels = ranx.Qrels({str(user): {str(item): 1} for user, item in enumerate(gold.tolist())})
    run = ranx.Run({
        str(user): {str(item): score for item, score in enumerate(row)} for user, row in enumerate(scores.tolist())
    })  # fmt: skip
    found = ranx.evaluate(qrels, run, [f"{name}@{k}" for name, k in ours])
    assert {f"{name}@{k}": value for (name, k), value in ours.items()} == pytest.approx(found, abs=1e-9)
