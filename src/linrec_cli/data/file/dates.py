"""Dates and times of day as people write them: each way is a pattern, and a column is read in one of them."""

import re
from zoneinfo import available_timezones

import polars as pl

from linrec_cli.errors import DataError, UsageError

MONTHS = {
    name: str(number)
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
ZONES = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6,
    "pst": -8, "pdt": -7, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3, "jst": 9, "kst": 9,
}  # fmt: skip
"""Hours ahead of UTC: the names of RFC 2822, those of Europe, and a few more that mean one thing."""

CLOCK = r"(?P<h>\d{1,2})(?::(?P<m>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?(?: ?(?P<p>[ap])(?:m\b|\.m\.))?"
PACKED = r"(?P<h>\d{2})(?:(?P<m>\d{2})(?:(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?)?"
ZONE = r"(?: ?(?P<z>(?:utc|gmt)?[+-]\d{1,2}(?::?\d{2})?|[a-z]{1,4}|[a-z]+(?:/[a-z_+-]+)+))?(?:\[[a-z_/]+\])?"
AFTER = rf"(?:(?:,? |t|:){CLOCK}{ZONE})?"
OFFSET = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2}):?(\d{2})?")
WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? )?"
MONTH = rf"(?P<b>{'|'.join(MONTHS)})[a-z]*\.?"
DAY, YEAR = r"(?P<D>\d{1,2})(?:st|nd|rd|th)?", r"(?P<Y>\d{4}|\d{2})"

PATTERNS = {
    "iso": rf"(?P<Y>\d{{4}})[-/.](?P<M>\d{{1,2}})(?:[-/.](?P<D>\d{{1,2}}){AFTER})?",
    "basic": rf"(?P<Y>\d{{4}})(?P<M>\d{{2}})(?P<D>\d{{2}})(?:[t ]{PACKED}{ZONE})?",
    "ordinal": rf"(?P<Y>\d{{4}})-(?P<O>\d{{3}}){AFTER}",
    "week": rf"(?P<Y>\d{{4}})-?w(?P<W>\d{{2}})(?:-?(?P<K>[1-7]))?{AFTER}",
    "numbers": rf"(?P<first>\d{{1,2}})[-/.](?P<second>\d{{1,2}})[-/.](?P<third>\d{{4}}|\d{{2}}){AFTER}",
    "day, month": rf"{WEEKDAY}{DAY}[ /-]{MONTH},?[ /-]{YEAR}{AFTER}",
    "month, day": rf"{WEEKDAY}{MONTH} {DAY},? (?P<Y>\d{{4}}){AFTER}",
    "unix": rf"{WEEKDAY}{MONTH} {DAY} {CLOCK}{ZONE} (?P<Y>\d{{4}})",
}
"""How a column can be written, in lower case: all of ISO 8601, RFC 2822, spreadsheets, Unix's `date`."""
GROUPS = "YMDOWKbhmsfpz"
ORDERS = {"day-first": "DMY", "month-first": "MDY", "year-first": "YMD"}
"""What the three numbers of 03/04/05 can be."""
SAMPLE = 10_000
MICRO = 1_000_000


def read(column: pl.Series, form: str = "") -> pl.Series:
    """Read texts as date-times in UTC; what is none becomes null.

    Texts with and without a zone do not compare: of the two kinds the one that most of the column has is read.

    Args:
        form: which of three numbers is the day, one of ORDERS, or a pattern as `%d.%m.%Y %H:%M`; empty to find it.

    Raises:
        DataError: more than one order of three numbers fits.
        UsageError: `form` is no pattern.
    """
    if form and form not in ORDERS:
        return formed(column, form)
    text = column.str.to_lowercase().str.strip_chars().str.replace_all(r"\s+", " ")
    sample = text.drop_nulls().head(SAMPLE)
    way = max(PATTERNS, key=lambda name: sample.str.contains(f"^{PATTERNS[name]}$").sum())
    found = text.str.extract_groups(f"^{PATTERNS[way]}$").struct.unnest()
    return ordered(found, column, form) if way == "numbers" else instants(found)


def formed(column: pl.Series, form: str) -> pl.Series:
    """Read texts by a pattern of strftime."""
    try:
        found = column.str.strip_chars().str.to_datetime(form, time_unit="us", strict=False)
    except pl.exceptions.PolarsError as error:
        raise UsageError(f"--time-format {form} is no pattern ({str(error).splitlines()[0]}).") from None
    return found.dt.replace_time_zone(None)


def ordered(found: pl.DataFrame, column: pl.Series, form: str) -> pl.Series:
    """Tell year, month and day of three numbers apart.

    Raises:
        DataError: more than one order fits as many rows as any other, and gives other dates.
    """
    numbers = [name for name in ("first", "second", "third") if name in found.columns]
    each = {
        name: instants(found.rename(dict(zip(numbers, letters, strict=True))))
        for name, letters in ORDERS.items()
        if form in ("", name)
    }
    fewest = min(one.null_count() for one in each.values())
    best = {name: one for name, one in each.items() if one.null_count() == fewest}
    first, *others = best.values()
    if not all(first.equals(other) for other in others):
        shown = column.drop_nulls()[0]
        raise DataError(f"{shown!r} can be read as {' or '.join(best)}; say which by --time-format {next(iter(best))}.")
    return first


def instants(found: pl.DataFrame) -> pl.Series:
    """Put the parts of date-times together; null where they make none."""
    parts = found.with_columns(pl.lit(None, pl.String).alias(name) for name in GROUPS if name not in found.columns)
    made = parts.select(at=date().cast(pl.Datetime("us")) + clock(), z="z")
    zone = made["z"]
    if zone.null_count() == len(zone):
        return made["at"]
    zoned = zone.is_not_null()
    most = 2 * int(zoned.sum()) >= len(zoned) - made["at"].null_count() if len(zoned) else False
    return ahead(made["at"], zone).set(zoned != most, None)


def date() -> pl.Expr:
    """Make the date of the parts: by month and day, by day of the year, or by week."""
    short = pl.when(pl.col("Y") >= "69").then(pl.lit("19")).otherwise(pl.lit("20"))
    year = pl.when(pl.col("Y").str.len_bytes() == 2).then(short + pl.col("Y")).otherwise("Y")
    month = pl.coalesce("M", pl.col("b").replace_strict(MONTHS, default=None), pl.lit("1"))
    usual = pl.format("{}-{}-{}", year, month, pl.coalesce("D", pl.lit("1")))
    week = pl.format("{}-W{}-{}", "Y", "W", pl.coalesce("K", pl.lit("1")))
    ordinal = pl.format("{}-{}", "Y", "O")
    forms = {"%G-W%V-%u": week, "%Y-%j": ordinal}
    special = [text.str.to_date(form, strict=False) for form, text in forms.items()]
    plain = pl.when(pl.col("W").is_null() & pl.col("O").is_null()).then(usual)
    return pl.coalesce(*special, plain.str.to_date("%Y-%m-%d", strict=False))


def clock() -> pl.Expr:
    """Make the time of day of the parts; null where there is no such time."""
    hour, minute, second = (pl.col(name).cast(pl.Int64).fill_null(0) for name in "hms")
    half = pl.col("p")
    sound = (minute < 60) & (second <= 60) & ((hour < 24) | ((hour == 24) & (minute + second == 0)))
    sound &= half.is_null() | hour.is_between(1, 12)
    hour = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + 12 * (half == "p").cast(pl.Int64))
    parts = pl.col("f").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64).fill_null(0)
    micros = (hour * 3600 + minute * 60 + second) * MICRO + parts
    return pl.when(sound).then(micros).cast(pl.Duration("us"))


def ahead(local: pl.Series, zone: pl.Series) -> pl.Series:
    """Bring date-times to UTC, each by what is written as its zone; null where that is none."""
    known = {name.lower(): name for name in available_timezones()} if zone.str.contains("/").any() else {}
    found = local.clear().extend_constant(None, len(local))
    for name in zone.unique():
        of = (zone == name).fill_null(False) if name is not None else zone.is_null()
        found = found.zip_with(~of, moved(local, name, known))
    return found


def moved(local: pl.Series, zone: str | None, known: dict[str, str]) -> pl.Series:
    """Bring date-times of one zone to UTC."""
    if zone is None:
        return local
    if "/" in zone:
        # A system without the names of regions has those that are written as most are.
        name = known.get(zone, zone.title())
        try:
            there = local.dt.replace_time_zone(name, ambiguous="earliest", non_existent="null")
        except pl.exceptions.PolarsError:
            return local.clear().extend_constant(None, len(local))
        return there.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if zone in ZONES:
        return local.dt.offset_by(f"{-ZONES[zone]}h")
    offset = OFFSET.fullmatch(zone)
    if offset is None:
        return local.clear().extend_constant(None, len(local))
    sign, hours, minutes = offset.groups("0")
    total = int(hours) * 60 + int(minutes)
    return local.dt.offset_by(f"{-total if sign == '+' else total}m")
