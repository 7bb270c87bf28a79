"""What every model promises, checked over the folder."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from linrec_cli import catalog
from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._recommender import Facts, reads
from linrec_cli.settings import form

Made = Callable[..., Batch]

NAMES = catalog.names("models")
TRAINED = [name for name in NAMES if catalog.load("models", name).FORM]
COUNTED = [name for name in NAMES if name not in TRAINED]
MAXLEN = 12


def made(name: str, items: int = 9, attention: str = "softmax", heads: int = 2) -> nn.Module:
    torch.manual_seed(0)
    model: nn.Module = catalog.bound("models", name, "Model")(
        Facts(items, {"colour": torch.arange(items + 1)[:, None] % 3 == torch.arange(3)}),
        MAXLEN,
        attention,
        width=8,
        heads=heads,
        layers=2,
        dropout=0.5,
    )
    return model.eval()


@pytest.mark.parametrize("name", TRAINED)
def test_encode_gives_a_row_a_position_as_wide_as_the_table(batch: Made, name: str) -> None:
    model = made(name)
    assert model.encode(batch([3, 1, 4, 1])).shape == (1, 4, model.table().shape[1])
    assert model.table().shape[0] == 10


@pytest.mark.parametrize("name", TRAINED)
def test_padding_changes_nothing(batch: Made, name: str) -> None:
    model = made(name)
    alone = model.encode(batch([3, 1, 4, 1]))
    beside = model.encode(batch([3, 1, 4, 1], [2] * 9))
    torch.testing.assert_close(beside[:1, :4], alone)
    torch.testing.assert_close(model.query(batch([3, 1], [2] * 9))[:1], model.query(batch([3, 1])))


@pytest.mark.parametrize("name", TRAINED)
def test_order_and_place_matter_but_to_a_model_that_says_they_do_not(batch: Made, name: str) -> None:
    model, ordered = made(name).double(), getattr(catalog.load("models", name), "ORDERED", True)
    with torch.no_grad():
        # Away from where they begin, which may hide a position behind a small scale.
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        one, turned = (model.query(batch(history)) for history in ([1, 2, 3], [2, 1, 3]))
        # The same item at each place but the last: without positions all rows before it would be alike.
        rows = model.encode(batch([5] * 6 + [2]))[0, :6]
        own = model.table()[5].expand_as(rows)
    assert ((one - turned).abs().max() > 1e-5) == ordered
    # The mean of items as they are scored is that item, wherever it stands.
    if not torch.allclose(normalize(rows, dim=1), normalize(own, dim=1)):
        assert ((rows[1:] - rows[:-1]).abs().amax(1).min() > 1e-5) == ordered


@pytest.mark.parametrize("name", TRAINED)
def test_the_form_is_the_one_that_is_stated(batch: Made, name: str) -> None:
    model = made(name)
    a, b = (model.encode(batch([3, 1, 4, last])) for last in (1, 9))
    moved = bool((a[:, :3] != b[:, :3]).any())
    assert moved == (catalog.load("models", name).FORM == "bidirectional")


@pytest.mark.parametrize("name", TRAINED)
def test_no_model_reads_when_the_item_it_predicts_was_had_unless_it_says_so(batch: Made, name: str) -> None:
    known = getattr(catalog.load("models", name), "READS", {})
    specs = [name, *(f"{name}:{option}=true" for option in known.values() if option and option != "time_aware")]
    given = replace(batch([3, 1, 4]), times=torch.tensor([[5, 9, 20]]))
    for spec in specs:
        model = made(spec)
        assert reads(spec).count("target_times") == 0
        soon, late = (model.encode(replace(given, target_times=torch.tensor([[9, 20, last]]))) for last in (21, 10**6))
        assert torch.equal(soon, late)
        assert torch.equal(soon, model.encode(given))


@pytest.mark.parametrize("name", TRAINED)
def test_a_full_history_can_be_read_and_its_newest_event_counts(batch: Made, name: str) -> None:
    model = made(name)
    with torch.no_grad():
        one, other = (model.query(batch([1] * (MAXLEN - 1) + [last])) for last in (2, 3))
    assert (one - other).abs().max() > 1e-5


@pytest.mark.parametrize("name", TRAINED)
def test_every_item_has_weights_of_its_own_and_padding_has_none(name: str) -> None:
    table = made(name).table().detach()
    assert (table[0] == 0).all()
    assert len({tuple(row) for row in table[1:].tolist()}) == 9


@pytest.mark.parametrize("name", TRAINED)
def test_training_drops_and_evaluation_does_not(batch: Made, name: str) -> None:
    model, given = made(name), batch([3, 1, 4, 1])
    assert torch.equal(model.encode(given), model.encode(given))
    model.train()
    assert not torch.equal(model.encode(given), model.encode(given))


DROPS = {"bert4rec": 1 + 2 * 2, "core": 1 + 2 * 2, "esasrec": 1 + 2 * 3, "hstu": 1 + 2, "lightsans": 1 + 2 * 2}
DROPS |= {"linrec": 1 + 2 * 2, "sasrec": 1 + 2 * 2, "sasrecf": 1 + 2 * 2, "fdsa": 2 + 1 + 2 * 2 * 2}
DROPS |= {"gru4rec": 1, "lrurec": 1 + 2 * 3, "mamba4rec": 1 + 2 * 3, "recgrela": 1 + 2 * 2, "sine": 1}
"""How often an encoder of two layers drops: what is read, then what each sublayer gives."""


@pytest.mark.parametrize("name", TRAINED)
def test_the_share_that_was_asked_for_is_dropped_wherever_it_should_be(batch: Made, name: str) -> None:
    model, shares = made(name).train(), []
    for module in model.modules():
        if isinstance(module, Dropout) and module is not getattr(model, "item_dropout", None):
            module.register_forward_hook(lambda own, given, out: shares.append(own.p))
    model.encode(batch([3, 1, 4, 1]))
    # A model that somebody adds drops as often as it likes.
    assert shares == [0.5] * DROPS.get(name, max(1, len(shares)))


@pytest.mark.parametrize("name", [name for name in TRAINED if form(name) or name in ("hstu", "lightsans")])
def test_the_width_is_split_into_the_heads_that_were_asked_for(batch: Made, name: str) -> None:
    model, other = made(name), made(name, heads=1)
    other.load_state_dict(model.state_dict())
    one, whole = (each.encode(batch([3, 1, 4, 1])) for each in (model, other))
    assert (one[:, 1:] - whole[:, 1:]).abs().amax(2).min() > 1e-9


# Where they are not drawn with .02: uniformly up to 1 / sqrt(C), and as Xavier has it.
SPREADS = {"core": 1 / (3 * 8) ** 0.5, "gru4rec": (2 / (2001 + 8)) ** 0.5, "sine": (2 / (2001 + 8)) ** 0.5}


@pytest.mark.parametrize("name", TRAINED)
def test_item_embeddings_begin_as_stated(name: str) -> None:
    spread = float(made(name, 2000).items.weight.detach()[1:].std())
    assert spread == pytest.approx(SPREADS.get(name, 0.02), rel=0.03)


OWN = {"core": {"items"}, "gru4rec": {"items", "outward"}, "hstu": {"positions"}, "sine": {"items"}}
"""Layers that begin in a way of their own, which the tests of these models hold."""


@pytest.mark.parametrize("name", DROPS)
def test_layers_begin_as_bert_does_but_for_those_of_their_own(name: str) -> None:
    torch.manual_seed(0)
    facts = Facts(2000, {"colour": torch.arange(2001)[:, None] % 3 == torch.arange(3)})
    how = {"width": 64, "heads": 2, "layers": 2, "dropout": 0.5}
    model = catalog.bound("models", name, "Model")(facts, 64, "softmax", **how)
    for place, layer in model.named_modules():
        own = place in OWN.get(name, ()) or (name == "hstu" and place.endswith("attention.outward"))
        if isinstance(layer, nn.Linear | nn.Embedding) and not own:
            # Of the few numbers of a layer to one channel the spread is less sure.
            assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.1), place
            assert getattr(layer, "bias", None) is None or not layer.bias.any(), place


@pytest.mark.parametrize("name", NAMES)
def test_scores_of_some_items_are_those_of_all(batch: Made, sequences: Sequences, parts: Parts, name: str) -> None:
    model = made(name, 30)
    if name in COUNTED:
        model.count(sequences, parts)
    query = model.query(batch([3, 1, 4], [2, 2]))
    some = torch.tensor([[1, 30, 4], [5, 2, 9]])
    every = model.scores(query)
    assert every.shape == (2, 30)
    assert every.dtype == torch.float32
    torch.testing.assert_close(model.scores(query, some), every.gather(1, some - 1))


@pytest.mark.parametrize("name", TRAINED)
def test_scores_are_products_of_query_and_table(batch: Made, name: str) -> None:
    model = made(name)
    with torch.no_grad():
        query = model.query(batch([3, 1, 4]))
        expected = [float(query[0].double() @ row.double()) for row in model.table()[1:]]
        assert model.scores(query)[0].tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_weights_read_back_score_alike(batch: Made, sequences: Sequences, parts: Parts, name: str) -> None:
    model, other = made(name, 30), made(name, 30)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn_like(parameter)
    if name in COUNTED:
        model.count(sequences, parts)
    other.load_state_dict({key: value.clone() for key, value in model.state_dict().items()})
    found: list[Tensor] = [one.scores(one.query(batch([3, 1, 4]))) for one in (model, other)]
    assert torch.equal(*found)
    assert found[0].std() > 0


CAUSAL = [name for name in catalog.names("attentions") if "causal" in catalog.load("attentions", name).FORMS]
STEPPING = [
    (name, attention)
    for name in TRAINED
    if hasattr(catalog.load("models", name).Model, "step")
    for attention in (CAUSAL if form(name) else ["linear"])
]


@pytest.mark.parametrize(("name", "attention"), STEPPING)
def test_steps_give_what_query_gives_of_the_same_events(batch: Made, name: str, attention: str) -> None:
    model = made(name, attention=attention).double()
    histories = torch.randint(1, 10, (2, MAXLEN), generator=torch.Generator().manual_seed(3))
    state = model.start(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
        for count, events in enumerate(histories.unbind(1), 1):
            stepped, state = model.step(events, state)
            expected = model.query(batch(*histories[:, :count].tolist()))
            torch.testing.assert_close(stepped, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "attention"), [one for one in STEPPING if form(one[0])])
def test_a_step_beyond_maxlen_is_refused(name: str, attention: str) -> None:
    model = made(name, attention=attention)
    state = model.start(1)
    with torch.no_grad():
        for _ in range(MAXLEN):
            _, state = model.step(torch.ones(1, dtype=torch.int64), state)
        with pytest.raises(IndexError):
            model.step(torch.ones(1, dtype=torch.int64), state)
