"""What is known of items, embedded."""

from torch import Tensor, nn
from torch.nn.functional import embedding

from linrec_cli.errors import DataError
from linrec_cli.models._recommender import Facts


class Field(nn.Module):
    """The sum, or the mean, of the embeddings of all values that an item has; zero where it has none."""

    def __init__(self, known: Tensor, width: int, *, mean: bool) -> None:
        super().__init__()
        self.values = nn.Embedding(known.shape[1], width)
        share = known.float()
        if mean:
            share = share / share.sum(1, keepdim=True).clamp(min=1)
        # Of the data, not of the model: built anew with it, not read back.
        self.register_buffer("share", share, persistent=False)
        self.share: Tensor

    def forward(self, items: Tensor) -> Tensor:
        """Map `items [B, T]` to `[B, T, C]`."""
        return embedding(items, self.share @ self.values.weight)


def fields(facts: Facts, width: int, *, mean: bool) -> nn.ModuleList:
    """Make a module for each field of the items that has values.

    Raises:
        DataError: there is none.
    """
    known = [field for field in facts.features.values() if field.shape[1]]
    if not known:
        raise DataError(
            "nothing is known of the items, and this model reads their features, which files of events do not have: "
            "take --data ml-1m, whose items have genres, add your data with its items as a data set (docs/adding.md), "
            "or take --model sasrec."
        )
    return nn.ModuleList(Field(field, width, mean=mean) for field in known)
