"""LinRec's backbone against its formula: norms after each sum, twice as wide inside, the last position ranked."""

from collections.abc import Callable

import torch
from torch.nn.functional import gelu, layer_norm

from linrec_cli.data.batch import Batch
from linrec_cli.models._recommender import Facts
from linrec_cli.models.linrec import Model


def test_the_encoder_is_its_formula(batch: Callable[..., Batch]) -> None:
    torch.manual_seed(0)
    model = Model(Facts(9), 12, "linear-released", width=8, heads=2, layers=2, dropout=0.4).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    w, items = model.state_dict(), [3, 1, 4, 1, 5]

    def normed(x: torch.Tensor, at: str) -> torch.Tensor:
        return layer_norm(x, (8,), w[f"{at}.weight"], w[f"{at}.bias"])

    x = normed(w["items.weight"][items] + w["positions.weight"][:5], "norm")
    for number, block in enumerate(model.blocks):
        at = f"blocks.{number}"
        x = normed(x + block.attention(x[None], torch.tensor([5]))[0], f"{at}.norms.0")
        inner = gelu(x @ w[f"{at}.inward.weight"].T + w[f"{at}.inward.bias"])
        assert inner.shape == (5, 16)
        x = normed(x + inner @ w[f"{at}.outward.weight"].T + w[f"{at}.outward.bias"], f"{at}.norms.1")
    torch.testing.assert_close(model.encode(batch(items))[0], x)
    found = model.query(batch(items, [2]))
    torch.testing.assert_close(found[0], x[-1])
    torch.testing.assert_close(model.scores(found)[0], (x[-1] @ w["items.weight"][1:].T).float())
