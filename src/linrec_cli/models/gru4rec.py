"""GRU4Rec: a gated recurrent network that predicts the next item at every position."""

from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied

FORM = "causal"
OBJECTIVE = "next"
ATTN = False
WIDER = 2
"""How many times as wide as the embeddings the hidden state is."""


class Model(Tied):
    """Read histories by a GRU of `layers` layers, project its state to the width; score by the item embeddings.

    Its first epochs learn little but popularity: nothing norms the embeddings, which begin so small that scores hardly
    depend on the history. RecBole's begin alike.

    Deviations from the source: item embeddings in place of one-hot vectors, tied to what items are scored by; full
    cross-entropy over whole histories in place of a ranking loss over sessions side by side. That is how RecBole has
    it, with a state of 128 beside embeddings of 64, but for its one layer, by default, and its loss, which is at the
    last position of every prefix; all layers are drawn as there the first is. `--heads` changes nothing.

    Source: Hidasi et al. 2016 (GRU4Rec, ICLR), arXiv:1511.06939; Tan et al. 2016 (DLRS), arXiv:1606.08117.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.items = nn.Embedding(facts.items + 1, width, padding_idx=0)
        self.dropout = Dropout(dropout)
        self.recurrent = nn.GRU(width, WIDER * width, layers, bias=False, batch_first=True)
        self.outward = nn.Linear(WIDER * width, width)
        nn.init.xavier_normal_(self.items.weight[1:])
        for weight in self.recurrent.parameters():
            nn.init.xavier_uniform_(weight)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C]`."""
        states, _ = self.recurrent(self.dropout(self.items(batch.items)))
        encoded: Tensor = self.outward(states)
        return encoded

    def start(self, batch: int) -> Tensor:
        """Make the state of `batch` empty histories, `[B, L, 2C]` of L layers."""
        return self.outward.weight.new_zeros(batch, self.recurrent.num_layers, self.recurrent.hidden_size)

    def step(self, items: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Take one event each, `items [B]`, into the state; return what `query` gives after it, `[B, C]`."""
        given = self.dropout(self.items(items))[:, None]
        newest, after = self.recurrent(given, state.transpose(0, 1).contiguous())
        return self.outward(newest[:, 0]), after.transpose(0, 1)
