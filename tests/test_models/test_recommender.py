from dataclasses import replace

import torch

from linrec_cli.data.sequences import Sequences
from linrec_cli.models._recommender import facts


def test_a_model_is_told_of_the_items_and_of_their_features_where_they_have_any(sequences: Sequences) -> None:
    assert facts(sequences).items == 30
    assert facts(replace(sequences, features=None)).features == {}
    genres = torch.ones(31, 2, dtype=torch.bool)
    assert facts(replace(sequences, features={"genres": genres})).features["genres"] is genres
