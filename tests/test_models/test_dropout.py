import pytest
import torch

from linrec_cli.models import _dropout
from linrec_cli.models._dropout import Dropout


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    torch.manual_seed(0)
    out = Dropout(0.3).train()(torch.ones(1000, 1000))
    assert abs(float((out == 0).double().mean()) - 77 / 256) < 0.002
    assert abs(float(out.mean()) - 1) < 0.003


def test_no_byte_value_or_place_is_favoured() -> None:
    torch.manual_seed(0)
    dropped = (Dropout(0.5).train()(torch.ones(40_000, 8)) == 0).double().mean(0)
    assert (dropped - 0.5).abs().max() < 0.015


def test_elsewhere_torch_drops_the_share_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(_dropout, "dropout", lambda *given: asked.append(given[1:]) or given[0])
    x = torch.ones(3, device="meta")
    assert Dropout(0.3).train()(x) is x
    assert Dropout(0.3).eval()(x) is x
    # Torch takes it that it trains, where it is not told.
    assert asked == [(0.3,)]


def test_evaluation_drops_nothing() -> None:
    x = torch.randn(3, 5)
    assert torch.equal(Dropout(0.5).eval()(x), x)


def test_the_same_seed_drops_the_same() -> None:
    torch.manual_seed(7)
    first = Dropout(0.5)(torch.ones(99))
    torch.manual_seed(7)
    assert torch.equal(Dropout(0.5)(torch.ones(99)), first)
