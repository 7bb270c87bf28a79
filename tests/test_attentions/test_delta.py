"""The delta rule without decay, and what it is for: a key that comes again overwrites what was under it."""

import pytest
import torch

from linrec_cli.attentions._build import build


@pytest.mark.parametrize("length", [1, 63, 64, 65, 150])
def test_without_decay_the_fast_form_equals_the_reference(length: int) -> None:
    torch.manual_seed(0)
    attention = build("delta:decay=false", 12, 3, causal=True, maxlen=length).double()
    results, lengths = [], torch.tensor([length, length])
    x, weight = torch.randn(2, length, 12, dtype=torch.float64), torch.randn(2, 3, length, 4, dtype=torch.float64)
    for mix in (attention.attend, attention.reference):
        leaves = [part.detach().requires_grad_() for part in attention.split(4 * x)]
        out = mix(*leaves, lengths)
        results.append([out, *torch.autograd.grad((out * weight).sum(), leaves)])
    for fast, plain in zip(*results, strict=True):
        torch.testing.assert_close(fast, plain, rtol=1e-9, atol=1e-9)


def test_without_decay_a_step_at_a_time_equals_forward() -> None:
    torch.manual_seed(0)
    attention = build("delta:decay=false", 12, 3, causal=True, maxlen=70).double()
    x, state, rows = torch.randn(2, 70, 12, dtype=torch.float64), attention.start(2), []
    for t in range(70):
        row, state = attention.step(x[:, t], state)
        rows.append(row)
    torch.testing.assert_close(torch.stack(rows, 1), attention(x, torch.tensor([70, 70])), rtol=1e-9, atol=1e-9)


def test_a_key_reads_the_last_value_written_under_it() -> None:
    torch.manual_seed(0)
    attention = build("delta", 8, 1, causal=True, maxlen=100).double()
    key = torch.randint(8, (100,))
    # Large, so that the epsilon of the L2 norm weighs nothing.
    k, v = 1e6 * torch.eye(8, dtype=torch.float64)[key], torch.randn(100, 8, dtype=torch.float64)
    full, kept = torch.ones(1, 1, 100, dtype=torch.float64), torch.zeros(1, 1, 100, dtype=torch.float64)
    mixed = attention.attend(1e6 * torch.ones_like(k)[None, None], k[None, None], v[None, None], full, kept, None)
    for t in range(100):
        latest = {int(i): v[s] for s, i in enumerate(key[: t + 1])}
        torch.testing.assert_close(mixed[0, 0, t], sum(latest.values()) / 8**0.5)
