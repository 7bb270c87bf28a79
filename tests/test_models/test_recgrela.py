"""RecGRELA against the authors' formula, one position at a time."""

from collections.abc import Callable
from math import cos, sin

import pytest
import torch
from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.models._recommender import Facts
from linrec_cli.models.recgrela import Block, Model

WIDTH, HEADS = 8, 2


def norm(x: Tensor, w: dict[str, Tensor], at: str) -> Tensor:
    scaled = (x - x.mean(1, keepdim=True)) / (x.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    return scaled * w[f"{at}.weight"] + w[f"{at}.bias"]


def linear(x: Tensor, w: dict[str, Tensor], at: str) -> Tensor:
    return x @ w[f"{at}.weight"].T + w[f"{at}.bias"]


def silu(x: Tensor) -> Tensor:
    return x / (1 + (-x).exp())


def turned(x: Tensor, place: int) -> Tensor:
    """Turn the pairs of channels of one position, `[C]`."""
    out = x.clone()
    for pair in range(WIDTH // 2):
        angle = place / 10_000 ** (pair / (WIDTH // 2))
        a, b = x[2 * pair], x[2 * pair + 1]
        out[2 * pair], out[2 * pair + 1] = a * cos(angle) - b * sin(angle), a * sin(angle) + b * cos(angle)
    return out


def attended(x: Tensor, w: dict[str, Tensor], at: str) -> Tensor:
    """Mix `x [T, C]`, of which all positions are real."""
    count, size = len(x), WIDTH // HEADS
    q, k = linear(x, w, f"{at}.inward").split(WIDTH, 1)
    q, k = (torch.where(part > 0, part + 1, part.exp()) for part in (q, k))
    out = torch.zeros_like(x)
    for t in range(count):
        for head in range(HEADS):
            own = slice(head * size, (head + 1) * size)
            below = sum(q[t, own] @ k[s, own] for s in range(count)) / count + 1e-6
            above = sum((turned(q[t], t)[own] @ turned(k[s], s)[own]) * x[s, own] for s in range(count)) / count
            out[t, own] = above / below
        out[t] += silu(sum(w[f"{at}.convolution.filters"][lag] * x[t - lag] for lag in range(min(4, t + 1))))
    return out


def layer(x: Tensor, w: dict[str, Tensor], at: str) -> Tensor:
    normed = norm(x, w, f"{at}.norms.0")
    gate = silu(linear(normed, w, f"{at}.gate"))
    x = x + linear(attended(linear(normed, w, f"{at}.before"), w, f"{at}.attention") * gate, w, f"{at}.after")
    inner = linear(norm(x, w, f"{at}.norms.1"), w, f"{at}.inward")
    inner = 2 * inner * (1 + torch.erf(inner / 2**0.5)) / 2
    return x + 2 * linear(inner, w, f"{at}.outward")


def test_the_encoder_is_its_formula_and_padding_takes_no_part(batch: Callable[..., Batch], twice: nn.Module) -> None:
    torch.manual_seed(0)
    model = Model(Facts(9), 12, "", width=WIDTH, heads=HEADS, layers=2, dropout=0.4).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    for part in (model, *model.blocks):
        part.dropout = twice
    w, histories = model.state_dict(), [[3, 1, 4, 1, 5, 9], [2, 6, 5]]
    found = model.encode(batch(*histories))
    for row, history in enumerate(histories):
        x = norm(2 * w["items.weight"][history], w, "norm")
        for number in range(2):
            x = layer(x, w, f"blocks.{number}")
        # Sines and cosines are kept in float32.
        torch.testing.assert_close(found[row, : len(history)], x, rtol=1e-5, atol=1e-6)
        assert torch.equal(model.query(batch(*histories))[row], found[row, len(history) - 1])


def test_turns_are_of_the_positions_and_not_among_the_weights() -> None:
    model = Model(Facts(9), 12, "", width=WIDTH, heads=HEADS, layers=1, dropout=0.0)
    assert not [name for name in model.state_dict() if "turns" in name]


def test_attention_is_left_out_of_some_rows_and_the_rest_makes_up_for_it() -> None:
    torch.manual_seed(0)
    block, x = Block(WIDTH, HEADS, maxlen=4, dropout=0.0, drop_path=0.25), torch.ones(4000, 2, 3)
    kept = block.train().kept(x)
    assert kept.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert (kept.amin((1, 2)) == kept.amax((1, 2))).all()
    assert float((kept == 0).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert torch.equal(block.eval().kept(x), x)


def test_what_is_left_out_leaves_the_block_its_input_and_its_feed_forward() -> None:
    torch.manual_seed(0)
    block, x, lengths = Block(WIDTH, HEADS, maxlen=4, dropout=0.0, drop_path=0.5), torch.randn(64, 4, WIDTH), 4
    block.train()
    moved = (
        block(x, torch.full((64,), lengths))
        - x
        - block.outward(torch.nn.functional.gelu(block.inward(block.norms[1](x))))
    )
    left_out = (moved.abs().amax((1, 2)) < 1e-6).float().mean()
    assert 0.3 < float(left_out) < 0.7


def test_an_odd_width_is_refused() -> None:
    with pytest.raises(UsageError, match="--width 7"):
        Model(Facts(9), 12, "", width=7, heads=1, layers=1, dropout=0.0)


def test_rows_are_left_out_at_the_rate_asked_for_which_is_not_that_of_dropout() -> None:
    made = Model(Facts(9), 12, "", width=8, heads=2, layers=3, dropout=0.4, drop_path=0.25)
    assert [block.drop_path for block in made.blocks] == [0.25] * 3  # type: ignore[union-attr]
