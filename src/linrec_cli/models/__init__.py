"""What is trained and evaluated: a file a model.

`Model(facts, maxlen, attention, *, width, heads, layers, dropout, **options)` is a module with the methods of
`_recommender.Recommender`. `FORM` is `causal` or `bidirectional`, the form of mechanism it takes; None: it takes none,
nothing is trained, and `count(sequences, parts)` makes it. `OBJECTIVE` is what it is trained by where nothing else is
asked for. One that knows a hidden item, `facts.items + 1`, says `MASKED = True`.
"""
