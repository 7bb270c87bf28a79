"""A graph is held against the model on histories of the data, the shortest and the longest among them."""

import logging
import math
import sys
import warnings
from types import SimpleNamespace

import pytest
import torch

from linrec_cli.data.batch import Batch
from linrec_cli.errors import DataError, UsageError
from linrec_cli.models._recommender import Facts
from linrec_cli.runs import graph
from linrec_cli.training import fit


@pytest.fixture
def model(quick):
    """A model of twelve positions, with weights as they begin."""
    torch.manual_seed(0)
    return fit.build(quick(maxlen=12, attn="softmax"), Facts(30)).eval()


def test_padding_within_the_graph_changes_no_score(model):
    items, lengths = torch.tensor([[3, 1, 4, 1, 5], [9, 2, 0, 0, 0]]), torch.tensor([5, 2])
    with torch.no_grad():
        scores = model.scores(model.query(Batch(items, lengths)))
        for width in (0, 5, 12):
            torch.testing.assert_close(graph.Scorer(model, width)(items, lengths), scores)
    plain = SimpleNamespace(query=lambda batch: batch.items, scores=lambda query: query)
    assert graph.Scorer(plain, 7)(items, lengths)[1].tolist() == [9, 2, 0, 0, 0, 0, 0]


def test_the_largest_difference_counts_and_the_shortest_and_longest_are_checked(model, sequences):
    asked = []

    def run(items, lengths):
        asked.append((items, lengths))
        scores = graph.Scorer(model)(items, lengths)
        scores[-1, 7] += 5e-5 if len(items) > 1 else 2e-5
        return scores

    count, furthest = graph.difference(run, model, sequences, 12)
    assert count == 1 + 1 + 32
    assert furthest == pytest.approx(5e-5, rel=0.05)
    (short, one), (long, other), (items, many) = asked
    ends, lengths = sequences.offsets[1:], sequences.lengths
    assert (one.tolist(), list(short.shape)) == ([int(lengths.min())], [1, int(lengths.min())])
    newest = [sequences.flat[end - 12 : end].tolist() for end in ends[lengths == lengths.max()]]
    assert (other.tolist(), long[0].tolist() in newest) == ([12], True)
    assert many.tolist() == sorted(many.tolist())
    assert ((items == 0) == (torch.arange(12) >= many[:, None])).all()


@pytest.mark.parametrize("error", [2e-4, -2e-4, math.nan])
def test_scores_that_are_far_or_no_numbers_are_refused(model, sequences, error):
    def run(items, lengths):
        scores = graph.Scorer(model)(items, lengths)
        scores[0, 3] += error
        return scores

    with pytest.raises(DataError, match="1e-04 at most"):
        graph.difference(run, model, sequences, 12)


def test_a_graph_of_some_shapes_alone_is_one_line(model, sequences):
    def run(items, lengths):
        raise AssertionError("Guard failed: 8 < B")

    with pytest.raises(UsageError, match=r"for some shapes alone \(Guard failed: 8 < B\); --format safetensors"):
        graph.difference(run, model, sequences, 12)


def test_what_cannot_be_traced_is_tried_padded_and_then_one_line(model, monkeypatch, capsys):
    tried = []

    def follow(scorer, given, dynamic_shapes):
        tried.append(scorer.width)
        print("the whole graph", file=sys.stderr)
        warnings.warn("for developers", UserWarning, stacklevel=1)
        raise AssertionError("see above") from ValueError(f"\x1b[96mno way\x1b[0m\nat all{'!' * 200}")

    monkeypatch.setattr(torch.export, "export", follow)
    level = logging.getLogger("torch.onnx").level
    with pytest.raises(UsageError, match=r"cannot follow this model \(no way at all!{107}\.\.\.\); --format safe"):
        graph.traced(model, 12)
    assert tried == [0, 12]
    assert logging.getLogger("torch.onnx").level == level
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("attn", ["softmax", "linear"])
@pytest.mark.parametrize("maxlen", [1, 2])
def test_a_model_of_the_last_event_or_two_is_traced(quick, sequences, maxlen, attn):
    model = fit.build(quick(maxlen=maxlen, attn=attn), Facts(30)).eval()
    program, _ = graph.traced(model, maxlen)
    assert graph.difference(program.module(), model, sequences, maxlen)[1] <= 1e-5


def test_an_onnx_graph_scores_as_the_model_does(model, sequences, tmp_path):
    for name in graph.NEEDED:
        pytest.importorskip(name)
    program, padded = graph.traced(model, 12)
    count, furthest = graph.difference(graph.saved(program, tmp_path / graph.ONNX), model, sequences, 12)
    assert (padded, count, furthest <= 1e-4) == (False, 34, True)
    assert [path.name for path in tmp_path.iterdir()] == [graph.ONNX]
