"""Times of any kind as whole numbers that keep their order."""

from typing import Literal

import polars as pl

from linrec_cli.data.file import dates
from linrec_cli.errors import DataError

NAIVE = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
ZONED = ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")
SECOND = 1_000_000
FIRST = 1000
"""The first year of four digits."""
NANOS = r"\.\d{7,}"
CLOCK = r"^\s*\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[aApP]\.?[mM]\.?)?\s*$"
"""A time of day alone."""

RANGES = [(315e6 * scale, 41e8 * scale) for scale in (1, 1e3, 1e6, 1e9)]
"""Seconds, milliseconds, microseconds and nanoseconds from 1980 to 2099."""
UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
YEARS = (1980, 2099)
THOUSANDS = r"^\s*\d{1,3}(,\d{3})+\s*$"
"""A number whose commas may part thousands, or the last of them a fraction."""
FEW = 0.1
"""Share of a column that may be a kind of its own and is then told line by line."""

# Beyond this, neighbouring whole numbers share a float: order could be lost without a word.
EXACT = 2.0**53
ROUNDED = r"^\s*[+-]?\d[.,]?\d*[eE][+]?\d+\s*$"
"""A number with so many digits as were shown of it."""


def whole(times: pl.Series, form: str = "") -> pl.Series:
    """Turn `times` into Int64; what is no time becomes null.

    Integers stay; floats stay if all are whole, else they become millionths; date-times become
    seconds since 1970, or microseconds where one has a fraction, in UTC where nothing else is said.

    Args:
        form: how texts are to be read, as `dates.read` takes it.

    Raises:
        DataError: the column is of a type that cannot be a time, its texts can be read in two ways, or its numbers are
            of two units.
    """
    kind = times.dtype
    if form and kind.is_integer():
        return _strings(times.cast(pl.String), form)
    if kind.is_integer():
        return told(times.cast(pl.Int64, strict=False))
    if kind.is_float():
        return told(_floats(times))
    if kind.is_decimal():
        return _strings(times.cast(pl.String), "")
    if kind in (pl.Date, pl.Datetime):
        return _instants(times)
    if kind == pl.Null:
        return times.cast(pl.Int64)
    if kind == pl.Binary:
        times = times.cast(pl.String, strict=False)
    if times.dtype in (pl.String, pl.Categorical, pl.Enum):
        return _strings(times.cast(pl.String), form)
    raise DataError(f"the time column is of type {kind}; give integers, floats or date-times.")


def told(times: pl.Series) -> pl.Series:
    """Make sure that numbers which stand for moments are of one unit, and are no dates of another order.

    Raises:
        DataError: they are not.
    """
    some = times.drop_nulls()
    some = some.filter(some != 0)
    held = [int(some.is_between(low, high).sum()) for low, high in RANGES]
    if sum(map(bool, held)) > 1 and sum(held) == len(some):
        both = " and ".join(f"{count:,} in {unit}" for count, unit in zip(held, UNITS, strict=True) if count)
        raise DataError(f"of the times {both} cannot be compared; write all in one unit.")
    day, month, year = some // 1_000_000, some // 10_000 % 100, some % 10_000
    if len(some) and (day.is_between(1, 31) & month.is_between(1, 31) & year.is_between(*YEARS)).all():
        raise DataError(f"{some[0]:08} can be day, month and year; write such dates as 2020-10-01.")
    return times


def zeros(times: pl.Series) -> int:
    """Count the zeros among times that are moments beside them: of these nobody knew when they were."""
    some = times.drop_nulls()
    nothing = some == 0
    inside = any(some.filter(~nothing).is_between(low, high).all() for low, high in RANGES)
    return int(nothing.sum()) if inside and not nothing.all() else 0


def rounded(times: pl.Series) -> int:
    """Count the texts that stand as 1.5E+09: what lies closer together than the digits shown has lost its order."""
    return int(times.str.contains(ROUNDED).sum()) if times.dtype == pl.String else 0


def joined(date: pl.Series, clock: pl.Series) -> pl.Series:
    """Put a date and a time of day, of two columns, together as one text each."""
    day = date.cast(pl.String).str.strip_chars().str.replace(r"[T ]00:00(:00(\.0+)?)?$", "")
    day = day.str.replace(r"^(\d{4})(\d{2})(\d{2})$", "${1}-${2}-${3}")
    time = clock.cast(pl.String).str.strip_chars()
    # 9 may be an hour, 930 half past nine, 93000 the same with seconds: the longest tells.
    longest = int(time.str.extract(r"^(\d+)$").str.len_bytes().max() or 0)  # type: ignore[arg-type]
    if 0 < longest <= 6:
        width = 2 * -(-longest // 2)
        padded = time.str.zfill(width)
        pieces = [padded.str.slice(2 * part, 2) for part in range(width // 2)] + [pl.Series(["00"])] * (width == 2)
        plain = pl.select(pl.concat_str(*pieces, separator=":")).to_series()
        time = time.zip_with(~time.str.contains(r"^\d+$").fill_null(False), plain)
    return pl.select(pl.concat_str(day, time, separator=" ").alias("time")).to_series()


def _strings(times: pl.Series, form: str) -> pl.Series:
    """Read the column as the kind that fits most of it; kinds are never mixed."""
    if form:
        return _instants(dates.read(times, form))
    best, numbers = times.cast(pl.Int64, strict=False), True
    # Dates come last: they may stop at an order of numbers that is not known.
    for kind in (_numbers, _iso, lambda texts: _instants(dates.read(texts))):
        if best.null_count() == times.null_count():
            break
        other = kind(times)
        if other.null_count() < best.null_count():
            best, numbers = other, kind is _numbers
    # Dates are of one unit, whatever numbers they become.
    return told(best) if numbers else best


def _numbers(times: pl.Series) -> pl.Series:
    """Read numbers with a point, a comma or an exponent."""
    text = times.str.strip_chars()
    exact = text.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
    if exact.null_count() == times.null_count():
        return exact
    numbers = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    commas = text.drop_nulls().filter(text.drop_nulls().str.contains(",", literal=True))
    if len(commas) and commas.str.contains(THOUSANDS).all():
        raise DataError(f"{commas[0]!r} can be one number or a number and a fraction; write times without a comma.")
    # With an exponent no digit is lost that was shown.
    return _floats(numbers, text.str.contains(ROUNDED).fill_null(False))


def _floats(times: pl.Series, sure: pl.Series | None = None) -> pl.Series:
    times = times.cast(pl.Float64)
    small = times.abs() <= EXACT
    sound = times.set(~(small if sure is None else small | (sure & (times.abs() < 2.0**63))), None)
    if (sound.drop_nulls() % 1 == 0).all():
        return sound.cast(pl.Int64)
    return (sound * SECOND).round().cast(pl.Int64, strict=False)


def _iso(times: pl.Series) -> pl.Series:
    """Read the usual ISO date-times, quickly; those with and those without a zone do not compare: one kind must do."""
    text = times.str.replace("T", " ", literal=True).str.replace(r"[zZ]$", "+00:00")
    naive = _parsed(text, NAIVE)
    if naive.null_count() == times.null_count():
        return _instants(naive)
    zoned = _parsed(text, ZONED)
    with_zone, without = (len(one) - one.null_count() for one in (zoned, naive))
    if min(with_zone, without) > FEW * len(text):
        raise DataError(
            f"{with_zone:,} times have a zone and {without:,} have none, which do not compare; write all alike."
        )
    return _instants(min(naive, zoned, key=pl.Series.null_count))


def _parsed(text: pl.Series, formats: tuple[str, ...]) -> pl.Series:
    # Those who write nanoseconds have events that lie no further apart.
    unit: Literal["ns", "us"] = "ns" if text.str.contains(NANOS).any() else "us"
    found = pl.Series(text.name, [None], pl.Datetime(unit)).new_from_index(0, len(text))
    for form in formats:
        if found.null_count() == text.null_count():
            break
        more = text.str.to_datetime(form, time_unit=unit, strict=False).dt.replace_time_zone(None)
        # 28-07-17 is no day of the year 28.
        found = found.zip_with(found.is_not_null(), more.set(more.dt.year() < FIRST, None))
    return found


def _instants(times: pl.Series) -> pl.Series:
    """Give seconds since 1970, or parts of them where one has a fraction."""
    if times.dtype == pl.Datetime("ns") or (times.dtype == pl.Datetime and times.dtype.time_unit == "ns"):  # type: ignore[attr-defined]
        nanos = times.to_physical()
        if (nanos.drop_nulls() % 1000 != 0).any():
            return nanos
    micros = times.cast(pl.Datetime("us")).to_physical()
    return micros // SECOND if (micros.drop_nulls() % SECOND == 0).all() else micros
