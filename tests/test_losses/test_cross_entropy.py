import pytest
import torch
from torch.nn.functional import cross_entropy as torch_cross_entropy

from linrec_cli.losses import cross_entropy
from linrec_cli.losses._draw import Draw

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
