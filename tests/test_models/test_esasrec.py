import torch
from torch import Tensor, nn

from linrec_cli.models import esasrec, sasrec
from linrec_cli.models._recommender import Facts


def block() -> esasrec.Block:
    torch.manual_seed(0)
    own = esasrec.Block("softmax", 6, 2, maxlen=9, dropout=0.5).eval()
    with torch.no_grad():
        # Where they begin, all norms are the same.
        for parameter in own.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return own


def test_a_block_is_the_formula_term_by_term() -> None:
    own, x, lengths = block(), torch.randn(2, 5, 6), torch.tensor([5, 3])

    def gate(number: int, x: Tensor) -> Tensor:
        layer = own.gates[number]
        return 1 / (1 + torch.exp(-(x @ layer.weight.T + layer.bias)))

    def norm(number: int, x: Tensor) -> Tensor:
        layer = own.norms[number]
        return nn.functional.layer_norm(x, (6,)) * layer.weight + layer.bias

    with torch.no_grad():
        y = x + gate(0, x) * own.attention(norm(0, x), lengths)
        normed = norm(1, y)
        opened, through = normed @ own.inward.weight[:24].T, normed @ own.inward.weight[24:].T
        fed = (opened / (1 + torch.exp(-opened)) * through) @ own.outward.weight.T
        torch.testing.assert_close(own(x, lengths), y + gate(1, y) * fed)


def test_gates_that_are_shut_let_the_input_through() -> None:
    own, x = block(), torch.randn(1, 4, 6)
    with torch.no_grad():
        for gate in own.gates:
            gate.weight.zero_()
            gate.bias.fill_(-1e9)
        assert torch.equal(own(x, torch.tensor([4])), x)


def test_it_is_sasrec_but_for_its_blocks() -> None:
    how = {"width": 8, "heads": 2, "layers": 3, "dropout": 0.0}
    model, other = (module.Model(Facts(9), 12, "linear", **how) for module in (esasrec, sasrec))
    assert {type(one) for one in model.blocks} == {esasrec.Block}
    assert {type(one) for one in other.blocks} == {sasrec.Block}
    mine, its = ({name for name in one.state_dict() if "blocks" not in name} for one in (model, other))
    assert mine == its
