"""How good a rank is, or what the recommended lists are like: a file a metric.

A metric of ranks has `value(rank, k)`, a Polars expression of the rank of a target's one relevant item, a number within
`RANGE`, which has its best at the second end. A user's targets are averaged, unless `of_user(values)` says otherwise.

A metric of lists has `over(lists, trained)`: the first items for each target, `lists [N, K]`, best first, 0 where fewer
are left, and what is known of the training part; a number a list, `[N]`, averaged as those of ranks are, or one of all
lists together, `[]`. It lies within `RANGE`, and neither end need be the better one.

`TITLE` is what people call it, `UNIT` its unit, where it has one. `ASKED = True` leaves it out of all tables but those
of evaluations that ask for it by name; a metric of lists must be asked for.
"""

MUST = {"TITLE": str, "RANGE": tuple[float | int, ...]}
"""What every file has, and of which type; where one does not, `catalog.load` says so."""
