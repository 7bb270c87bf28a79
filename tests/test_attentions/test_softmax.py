"""Softmax that turns queries and keys by their positions."""

import pytest
import torch

from linrec_cli.attentions._build import build
from linrec_cli.attentions.softmax import turned
from linrec_cli.errors import UsageError

LENGTHS = torch.tensor([9, 4])


def parts() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 3, 9, 4, generator=generator, dtype=torch.float64) for _ in range(3)]


@pytest.mark.parametrize("causal", [True, False])
def test_turned_by_positions_it_is_its_formula(causal: bool) -> None:
    layer = build("softmax:rotary=true", 12, 3, causal=causal, maxlen=9).double()
    q, k, v = parts()
    expected = layer.reference(q, k, v, LENGTHS)
    torch.testing.assert_close(layer.attend(q, k, v, LENGTHS)[0], expected[0])
    torch.testing.assert_close(layer.attend(q, k, v, LENGTHS)[1, :, :4], expected[1, :, :4])
    plain = build("softmax", 12, 3, causal=causal, maxlen=9)
    assert (plain.attend(q, k, v, LENGTHS) - expected)[0, :, 1:].abs().max() > 0.1


def test_products_know_how_far_apart_two_events_are_and_nothing_else() -> None:
    q, k, _ = parts()
    near, far = (turned(q, first) @ turned(k, first).mT for first in (0, 700))
    torch.testing.assert_close(near, far)
    torch.testing.assert_close(turned(q).norm(dim=3), q.norm(dim=3))
    # The first pair turns by a whole radian an event, the second by a hundredth.
    one = turned(torch.tensor([1.0, 1.0, 0.0, 0.0]).expand(1, 1, 2, 4))[0, 0, 1]
    torch.testing.assert_close(one, torch.tensor([0.540302, 0.999950, 0.841471, 0.00999983]))


def test_angles_of_late_positions_are_exact_in_half_precision() -> None:
    generator = torch.Generator().manual_seed(0)
    # What half precision can write is given.
    x = torch.randn(1, 1, 50, 8, generator=generator).bfloat16()
    found = turned(x, 900)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), turned(x.double(), 900), rtol=0, atol=0.04)


def test_turned_events_that_come_one_by_one_are_answered_as_all_at_once() -> None:
    torch.manual_seed(0)
    layer, x = build("softmax:rotary=true", 12, 3, causal=True, maxlen=9), torch.randn(2, 9, 12)
    cache = layer.cache(x[:, :3], 9)
    for t in range(3, 9):
        found, cache = layer.append(x[:, t], cache)
        torch.testing.assert_close(found, layer(x[:, : t + 1], torch.tensor([t + 1] * 2))[:, -1])


def test_what_has_no_pairs_cannot_be_turned() -> None:
    with pytest.raises(UsageError, match="a head has 3"):
        build("softmax:rotary=true", 12, 4, causal=True, maxlen=9)
