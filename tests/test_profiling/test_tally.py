"""What training and ranking run is counted as worked out by hand, and layers as they were."""

import torch
from torch import nn
from torch.nn.functional import embedding, logsigmoid

from linrec_cli.profiling.count import Count, counted
from linrec_cli.profiling.tally import tally

X = torch.ones(3, 4)


def test_outside_inference_mode_nothing_changes():
    layer, x = nn.Sequential(nn.Linear(4, 4), nn.SiLU(), nn.LayerNorm(4)), X.clone().requires_grad_()

    def run():
        layer.zero_grad()
        x.grad = None
        layer(x).sum().backward()

    assert tally(run) == counted(run)


def test_in_inference_mode_a_layer_counts_as_without():
    layer = nn.Sequential(nn.Linear(4, 2), nn.LayerNorm(2))
    with torch.no_grad():
        expected = tally(lambda: layer(X).softmax(-1) @ torch.ones(2, 5))
    with torch.inference_mode():
        assert tally(lambda: layer(X).softmax(-1) @ torch.ones(2, 5)) == expected


def test_choosing_ordering_and_drawing_is_no_arithmetic():
    for function in (
        lambda: X.argsort(),
        lambda: X.sort(),
        lambda: X.topk(2),
        lambda: torch.empty(4, dtype=torch.int64).random_(5),
        lambda: torch.arange(3).repeat_interleave(torch.arange(3)),
        lambda: X[X > 5],
    ):
        assert tally(function).operations == 0


def test_sums_over_places_count_one_a_number():
    places = torch.tensor([0, 1, 1])
    assert tally(lambda: torch.zeros(2, 4).index_add_(0, places, X)).operations == 12
    assert tally(lambda: torch.zeros(2, 4).index_put_((places,), X, accumulate=True)).operations == 12
    assert tally(lambda: torch.zeros(2, 4).index_put_((places,), X)).operations == 0
    table = torch.ones(5, 4, requires_grad=True)
    out = embedding(places, table)
    assert tally(lambda: out.backward(X)).operations == 12


def test_the_gradient_of_a_function_counts_one_a_number():
    out = logsigmoid(X.clone().requires_grad_())
    assert tally(lambda: out.backward(X)).operations == 12


def test_a_step_of_adamw_counts_fifteen_a_weight():
    weights = [nn.Parameter(torch.ones(3, 4)), nn.Parameter(torch.ones(5))]
    optimizer = torch.optim.AdamW(weights, fused=True)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    # And one for each of the two counters of steps.
    assert tally(optimizer.step).operations == 15 * (12 + 5) + 2


def test_nothing_is_nothing():
    assert tally(lambda: None) == Count(0, 0, 0)
