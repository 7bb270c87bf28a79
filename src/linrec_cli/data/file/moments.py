"""Whether a column that nobody named could be a time: by its name, or by what it holds."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

from linrec_cli.data.file.dates import PATTERNS
from linrec_cli.data.file.times import CLOCK, RANGES

PARTS = ("date", "time", "stamp", "epoch", "datum", "fecha", "when")
"""What the name of a time has in it."""
WORDS = {"at", "dat", "day", "days", "dt", "hour", "minute", "month", "on", "t", "ts", "week", "year", "zeit", "heure"}
"""Words that make the name of a time."""
DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](\d{4}|\d{2})|(19|20)\d{6}")
DATED = [re.compile(pattern) for pattern in PATTERNS.values()]
MIDNIGHT = re.compile(r"[T ]0?0:00(:00(\.0+)?)?$")
MOST = 0.9
LEAST = 5
"""Users with three events at least, from which on it says something that a column only grows within each."""

Texts = Sequence[str]


def epochs(texts: Texts) -> bool:
    """Tell whether nearly all are seconds since 1970, or thousandths of them and so on."""
    numbers = [value for text in texts if (value := number(text)) is not None]
    inside = [any(low <= value <= high for low, high in RANGES) for value in numbers]
    return len(numbers) > 0 and len(numbers) >= MOST * given(texts) and sum(inside) >= MOST * len(numbers)


def days(texts: Texts) -> bool:
    """Tell whether nearly all are days without a time of day."""
    return most(texts, lambda text: bool(DAY.fullmatch(MIDNIGHT.sub("", text))))


def clock(texts: Texts) -> bool:
    """Tell whether nearly all are times of day without a date."""
    return most(texts, lambda text: bool(re.fullmatch(CLOCK, text)))


def small(texts: Texts) -> bool:
    """Tell whether nearly all are numbers that may be hours, hours and minutes, or those and seconds."""
    return most(texts, lambda text: text.isdigit() and int(text) < 240_000)


def beside(name: str, texts: Texts) -> bool:
    """Tell whether a column could be the time of day to a date."""
    return clock(texts) or bool({"hour", "time", "clock", "minute"} & split(name))


def possible(name: str, texts: Texts, held: Sequence[str]) -> bool:
    """Tell whether a column could be the time.

    Args:
        held: the users of the same rows.
    """
    if not given(texts):
        return words(name)
    return words(name) or days(texts) or epochs(texts) or most(texts, dated) or grows(texts, held)


def dated(text: str) -> bool:
    """Tell whether a text is a date, with or without a time of day, and no number."""
    plain = " ".join(text.lower().split())
    return number(text) is None and any(pattern.fullmatch(plain) for pattern in DATED)


def words(name: str) -> bool:
    """Tell whether a name is that of a time: `last_watch_dt`, `t_dat`, `eventDate`."""
    plain = name.partition(":")[0].lower()
    return any(part in plain for part in PARTS) or bool(split(name) & WORDS)


def split(name: str) -> set[str]:
    """Split a name into its words, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name.partition(":")[0])}


def grows(texts: Texts, held: Sequence[str]) -> bool:
    """Tell whether numbers never fall within a user, and grow in some; that of rows counted through says nothing."""
    own: dict[str, list[float]] = defaultdict(list)
    for user, text in zip(held, texts, strict=False):
        value = number(text)
        if value is None:
            return False
        own[user].append(value)
    long = [values for values in own.values() if len(values) > 2]
    flat = [value for text in texts if (value := number(text)) is not None]
    counted = all(after - before == 1 for before, after in pairwise(flat))
    climbs = sum(len({*values}) > 1 for values in long)
    return len(long) >= LEAST and climbs >= MOST * len(long) and not counted and all(v == sorted(v) for v in long)


def most(texts: Texts, test: Callable[[str], bool]) -> bool:
    """Tell whether nearly all texts that are there pass a test."""
    there = [text.strip() for text in texts if text and text.strip()]
    return bool(there) and sum(map(test, there)) >= MOST * len(there)


def given(texts: Texts) -> int:
    """Count the texts that are there."""
    return sum(bool(text and text.strip()) for text in texts)


def number(text: str) -> float | None:
    """Read a number; nothing where there is none."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
