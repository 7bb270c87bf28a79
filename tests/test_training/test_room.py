"""What cannot fit is refused before any of it is there, and what can is made as if nothing had been asked."""

import pytest
import torch
from torch import nn

from linrec_cli import catalog
from linrec_cli.errors import UsageError
from linrec_cli.models._recommender import Facts
from linrec_cli.settings import Train
from linrec_cli.training import fit, room

FORMS = {name: catalog.load("models", name).FORM for name in catalog.names("models")}
FORMED = [
    (name, attention)
    for name, form in FORMS.items()
    for attention in catalog.names("attentions")
    if form in catalog.load("attentions", attention).FORMS and name in ("sasrec", "bert4rec")
]
FACTS = Facts(9, {"colour": torch.arange(10)[:, None] % 3 == torch.arange(3)})


def numbers(model: nn.Module) -> int:
    """Count the bytes of what is kept, by hand."""
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    kept = sum(b.numel() * b.element_size() for b in model.buffers())
    return 16 * trained + kept + sum(4 * p.numel() for p in model.parameters() if not p.requires_grad)


@pytest.mark.parametrize(("model", "attention"), [*((name, "linear") for name in FORMS), *FORMED])
def test_every_model_is_refused_by_one_byte_and_made_as_if_nothing_had_been_asked(
    model: str, attention: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Train(model=model, attn=attention, width=8, heads=2, layers=1, maxlen=6)

    def make() -> nn.Module:
        made: nn.Module = fit.build(settings, FACTS)
        return made

    torch.manual_seed(3)
    plain = make()
    needed = numbers(plain)
    monkeypatch.setattr(room, "memory", lambda device: needed)
    torch.manual_seed(3)
    room.check(make, "cpu")
    made = make()
    assert not {"meta"} & {tensor.device.type for tensor in (*made.parameters(), *made.buffers())}
    assert all(torch.equal(x, y) for x, y in zip(plain.parameters(), made.parameters(), strict=True))
    monkeypatch.setattr(room, "memory", lambda device: needed - 1)
    if needed:
        with pytest.raises(UsageError, match=r"takes .* GB to train, of .* GB that are here; give a lower --width"):
            room.check(make, "cpu")


def test_a_model_of_many_gigabytes_is_refused_at_once() -> None:
    settings = Train(attn="linear", width=65_536, heads=2, layers=256, maxlen=6)
    with pytest.raises(UsageError, match=r"a model of [0-9,]{15,} weights takes [0-9,.]+ GB"):
        room.check(lambda: fit.build(settings, FACTS), "cpu")


def test_a_model_that_looks_at_its_numbers_while_it_is_made_is_made_unasked() -> None:
    class Looking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.full((2,), float(torch.ones(1).sum())))

    room.check(Looking, "cpu")
    assert Looking().weight.tolist() == [1.0, 1.0]
