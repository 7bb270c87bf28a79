"""How good a rank is: a file a metric, with one relevant item a target.

`value(rank, k)` is a Polars expression of the rank, a number within `RANGE`, which has its best at the second end;
`TITLE` is what people call it.
"""
