"""What the query norm and the key norm do to the rows of LinRec's weights: what has a closed form, or a wide margin."""

import math
from pathlib import Path

import matrices
import moments
import polars as pl
import pytest
import torch

from linrec_cli import runs
from linrec_cli.data.sequences import Sequences
from linrec_cli.settings import Train

T, D = 256, 32


def positive(*shape: int, seed: int = 0) -> torch.Tensor:
    """Draw what ELU leaves as it is."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.1


def assert_close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_the_weights_are_those_of_the_mechanism() -> None:
    attention = matrices.made("linear", "causal", 64)
    parts = matrices.drawn(attention, 64)
    weights = moments.linrec(parts["q"], parts["k"])[0]
    # The mechanism has an epsilon of 1e-3 beside squares that sum to about t.
    torch.testing.assert_close(weights[:, 20:], matrices.matrix(attention, parts)[:, 20:], rtol=1e-2, atol=1e-3)


def test_the_query_norm_takes_the_length_of_a_query_out_and_leaves_the_shape_of_its_row() -> None:
    q, k = positive(1, T, D), moments.normal(T, D, heads=1)[1]
    longer = q * positive(1, T, 1, seed=1) * 9
    assert_close(moments.linrec(longer, k), moments.linrec(q, k))
    without, whole = (moments.linrec(q, k, query=query) for query in (False, True))
    assert_close(without / without.norm(dim=-1, keepdim=True), whole / whole.norm(dim=-1, keepdim=True))


def test_the_key_norm_takes_the_scale_of_a_feature_out() -> None:
    q, k = moments.normal(T, D, heads=1)[0], positive(1, T, D)
    scaled = k * positive(D, seed=1) * 9
    assert_close(moments.linrec(q, scaled), moments.linrec(q, k))
    assert not torch.allclose(moments.linrec(q, scaled, key=False), moments.linrec(q, k, key=False), rtol=0.1)


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_a_row_has_at_most_sqrt_d_of_weight_which_the_constant_of_the_paper_makes_one(scale: float) -> None:
    q, k = moments.normal(T, D, scale)
    seen = torch.arange(1, T + 1)
    # As drawn, and all alike.
    for queries, keys in ((q, k), (k[:, :1].expand_as(k), k[:, :1].expand_as(k))):
        weights = moments.linrec(queries, keys)
        assert (weights.abs().sum(-1) <= math.sqrt(D) * (1 + 1e-9)).all()
        assert (weights.sum(-1).abs() / math.sqrt(D) <= 1 + 1e-9).all()
        assert (weights.norm(dim=-1) <= (D / seen).sqrt() * (1 + 1e-9)).all()


def test_the_bound_is_reached_where_all_features_agree() -> None:
    ones = torch.ones(1, T, D, dtype=torch.float64)
    assert_close(moments.linrec(ones, ones).sum(-1), math.sqrt(D) * ones[..., 0])


def test_without_the_key_norm_rows_grow_with_the_prefix_and_with_it_they_do_not() -> None:
    q, k = moments.normal(1024, D, heads=1)
    growth = {name: moments.describe(moments.linrec(q, k, *norms))["growth"] for name, norms in moments.STAGES.items()}
    assert growth["neither norm"] == pytest.approx(1, abs=0.1)
    assert growth["query norm"] == pytest.approx(1, abs=0.1)
    assert growth["key norm"] == pytest.approx(0, abs=0.1)
    assert growth["both"] == pytest.approx(0, abs=0.1)


def test_the_sum_of_a_row_has_the_moments_that_normal_features_give_it() -> None:
    # With m and r the mean and root mean square of ELU of a normal number, a row sums to m/r times the sum of the
    # query's normed features.
    m = 1 / math.sqrt(2 * math.pi) + math.exp(0.5) * phi(-1) - 0.5
    square = 0.5 + math.exp(2) * phi(-2) - 2 * math.exp(0.5) * phi(-1) + 0.5
    ratio = m / math.sqrt(square)
    found = moments.describe(moments.linrec(*moments.normal(1024, 64)))
    assert found["row sum"] == pytest.approx(8 * ratio**2, rel=0.2)
    assert found["spread"] == pytest.approx(ratio * math.sqrt(1 - ratio**2), rel=0.2)


def phi(x: float) -> float:
    """Compute the normal distribution function."""
    return (1 + math.erf(x / math.sqrt(2))) / 2


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_linrec_spreads_its_weight_at_any_scale_and_softmax_does_so_at_small_ones_only(scale: float) -> None:
    q, k = moments.normal(T, D, scale)
    spread, softmax = (moments.describe(mix(q, k)) for mix in (moments.linrec, moments.softmax))
    assert spread["positions"] > 0.5
    assert (softmax["positions"] > 0.5) if scale <= 1 else (softmax["positions"] < 0.05)
    assert spread["effective rank"] <= D
    assert softmax["row sum"] == pytest.approx(1)
    assert softmax["spread"] == pytest.approx(0, abs=1e-9)


def test_the_layers_of_a_run_are_looked_at_on_what_they_are_given(tmp_path: Path, sequences: Sequences) -> None:
    user = torch.arange(len(sequences.users)).repeat_interleave(sequences.lengths)
    frame = pl.DataFrame({"user": user.numpy(), "item": sequences.flat.numpy()})
    frame.write_csv(tmp_path / "ring.csv")
    data = runs.prepare(tmp_path / "ring.csv", data_dir=tmp_path)
    settings = Train(attn="linear", maxlen=12, width=8, epochs=1, tokens=400)
    model = runs.train(settings, data, tmp_path / "run").model.double().eval()
    layers = list(moments.trained(tmp_path / "run", tmp_path, users=5))
    assert [layer for layer, _, _ in layers] == [0, 1]
    assert {parts["v"].shape for _, _, parts in layers} == {(5, 2, 12, 4)}
    # What the first layer is given, from the events themselves: the last twelve before the last.
    there = data.sequences
    long = (there.lengths > 12).nonzero()[:5, 0]
    items = torch.stack([there.flat[end - 13 : end - 1] for end in there.offsets[1:][long]])
    x = model.blocks[0].norms[0](model.items(items) * math.sqrt(8) + model.positions.weight)
    for found, expected in zip(layers[0][2].values(), layers[0][1].split(x), strict=True):
        assert_close(found, expected)
