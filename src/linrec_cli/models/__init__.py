"""What is trained and evaluated: a file a model.

`Model(facts, maxlen, attention, *, width, heads, layers, dropout, **options)` is a module with the methods of
`_recommender.Recommender`. `FORM` is `causal` or `bidirectional`, what a position may see and the form of mechanism it
takes; None: nothing is trained, and `count(sequences, parts)` makes it. `OBJECTIVE` is what it is trained by where
nothing else is asked for. One that mixes positions in a way of its own takes no mechanism and says `ATTN = False`. One
that knows a hidden item, `facts.items + 1`, says `MASKED = True`; one that reads a history as a set,
`ORDERED = False`. One that can read events one by one writes `start(batch)`, the state of empty histories, and
`step(items [B], state)`, what `query` gives after one more event of each, `[B, C]`, and the next state;
`linrec recommend --stream` then answers from it.
"""

from collections.abc import Callable

MUST = {"FORM": object, "OBJECTIVE": str, "Model": Callable}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""
