"""Times of any kind as whole numbers that keep their order."""

import polars as pl

from linrec_cli.errors import DataError

NAIVE = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
ZONED = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")
SECOND = 1_000_000

# Beyond this, neighbouring whole numbers share a float: order could be lost without a word.
EXACT = 2.0**53


def whole(times: pl.Series) -> pl.Series:
    """Turn `times` into Int64; what is no time becomes null.

    Integers stay; floats stay if all are whole, else they become millionths; date-times become
    seconds since 1970, or microseconds where one has a fraction, in UTC where nothing else is said.

    Raises:
        DataError: the column is of a type that cannot be a time.
    """
    if times.dtype.is_integer():
        return times.cast(pl.Int64, strict=False)
    if times.dtype.is_float():
        return _floats(times)
    if times.dtype in (pl.Date, pl.Datetime):
        return _instants(times)
    if times.dtype == pl.Null:
        return times.cast(pl.Int64)
    if times.dtype == pl.String:
        return _strings(times)
    raise DataError(f"the time column is of type {times.dtype}; give integers, floats or date-times.")


def _strings(times: pl.Series) -> pl.Series:
    """Read the column as the kind that fits most of it; kinds are never mixed."""
    best = times.cast(pl.Int64, strict=False)
    for kind in (lambda: _floats(times.cast(pl.Float64, strict=False)), lambda: _iso(times)):
        if best.null_count() == times.null_count():
            break
        other = kind()
        best = other if other.null_count() < best.null_count() else best
    return best


def _floats(times: pl.Series) -> pl.Series:
    times = times.cast(pl.Float64)
    sound = times.to_frame("t").select(pl.when(pl.col("t").abs() <= EXACT).then("t")).to_series()
    if (sound.drop_nulls() % 1 == 0).all():
        return sound.cast(pl.Int64)
    return (sound * SECOND).round().cast(pl.Int64, strict=False)


def _iso(times: pl.Series) -> pl.Series:
    """Read ISO date-times; those with and those without a zone do not compare, so one kind must do."""
    text = times.str.replace("T", " ", literal=True).str.replace(r"[zZ]$", "+00:00")
    naive = _parsed(text, NAIVE)
    if naive.null_count() == times.null_count():
        return _instants(naive)
    zoned = _parsed(text, ZONED)
    return _instants(min(naive, zoned, key=pl.Series.null_count))


def _parsed(text: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    found = pl.Series(text.name, [None], pl.Datetime("us")).new_from_index(0, len(text))
    for form in formats:
        if found.null_count() == text.null_count():
            break
        more = text.str.to_datetime(form, time_unit="us", strict=False)
        found = found.zip_with(found.is_not_null(), more.dt.replace_time_zone(None))
    return found


def _instants(times: pl.Series) -> pl.Series:
    micros = times.cast(pl.Datetime("us")).to_physical()
    return micros // SECOND if (micros.drop_nulls() % SECOND == 0).all() else micros
