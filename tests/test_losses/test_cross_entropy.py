import pytest
import torch
from torch.nn.functional import cross_entropy as torch_cross_entropy

from linrec_cli.losses import cross_entropy
from linrec_cli.losses._draw import Draw
from linrec_cli.profiling.tally import tally

DRAW = Draw(torch.ones(11))


@pytest.mark.parametrize("scores", [7, 40, 10_000])
def test_loss_and_gradients_equal_torchs_whatever_the_chunk(monkeypatch: pytest.MonkeyPatch, scores: int) -> None:
    monkeypatch.setitem(cross_entropy.SCORES, "cpu", scores)
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(31, 5, dtype=torch.float64, generator=generator).requires_grad_()
    weights = torch.randn(12, 5, dtype=torch.float64, generator=generator).requires_grad_()
    targets = torch.randint(1, 12, (31,), generator=generator)
    results = []
    for loss in (
        cross_entropy.loss(hidden, weights, targets, DRAW),
        torch_cross_entropy(hidden @ weights[1:].T, targets - 1),
    ):
        results.append([loss, *torch.autograd.grad(3 * loss, [hidden, weights])])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_padding_takes_no_part_and_gets_no_gradient() -> None:
    hidden, weights = torch.randn(4, 3), torch.randn(6, 3)
    weights[0] = 1e6
    weights.requires_grad_()
    loss = cross_entropy.loss(hidden, weights, torch.tensor([1, 2, 3, 5]), DRAW)
    loss.backward()
    assert loss.isfinite()
    assert weights.grad is not None
    assert (weights.grad[0] == 0).all()


def test_large_scores_do_not_overflow() -> None:
    hidden = torch.full((2, 1), 1e4)
    loss = cross_entropy.loss(hidden, torch.tensor([[0.0], [1.0], [-1.0]]), torch.tensor([1, 2]), DRAW)
    torch.testing.assert_close(loss, torch.tensor(1e4))


def test_bfloat16_autocast_stays_near_float32() -> None:
    generator = torch.Generator().manual_seed(0)
    hidden, weights = torch.randn(64, 16, generator=generator), torch.randn(50, 16, generator=generator)
    targets = torch.randint(1, 50, (64,), generator=generator)
    exact = cross_entropy.loss(hidden, weights, targets, DRAW)
    with torch.autocast("cpu", torch.bfloat16):
        low = cross_entropy.loss(hidden, weights, targets, DRAW)
    assert abs(low - exact) < 0.02


def test_under_autocast_scores_are_cast_once_and_never_for_each_product() -> None:
    hidden, weights = torch.randn(1024, 4), torch.randn(1025, 4)
    targets = torch.randint(1, 1025, (1024,))
    moved = {}
    for low in (None, torch.bfloat16):
        with torch.autocast("cpu", low, enabled=low is not None):
            moved[low] = tally(lambda: cross_entropy.loss(hidden, weights, targets, DRAW)).bytes / 2**20
    # The product, the gold's, the largest, difference, exponential, sum, a cast where it is low, and two products.
    assert moved[None] == pytest.approx(4 + 4 + 4 + 8 + 8 + 4 + 4 + 4, rel=0.03)
    assert moved[torch.bfloat16] == pytest.approx(2 + 2 + 2 + 6 + 8 + 4 + 6 + 2 + 2, rel=0.03)


def test_gradients_under_autocast_are_as_near_as_its_products_are() -> None:
    generator = torch.Generator().manual_seed(0)
    hidden, weights = torch.randn(64, 16, generator=generator), torch.randn(501, 16, generator=generator) / 4
    targets = torch.randint(1, 501, (64,), generator=generator)
    given = [[x.to(dtype).requires_grad_() for x in (hidden, weights)] for dtype in (torch.float32, torch.float64)]
    with torch.autocast("cpu", torch.bfloat16):
        low = cross_entropy.loss(*given[0], targets, DRAW)
    exact = torch_cross_entropy(given[1][0] @ given[1][1][1:].T, targets - 1)
    for ours, theirs in zip(torch.autograd.grad(low, given[0]), torch.autograd.grad(exact, given[1]), strict=True):
        # The gold's part, the largest, is not rounded to bfloat16, whose steps are 1 in 256.
        assert float((ours - theirs).norm() / theirs.norm()) < 1 / 1000


def test_what_a_gpu_holds_at_once_is_bounded() -> None:
    # Low scores, wide powers and low powers of each: 8 bytes.
    assert 8 * cross_entropy.SCORES["cuda"] <= 2**28
