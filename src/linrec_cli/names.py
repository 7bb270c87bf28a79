"""Names of any origin, made fit for where they go: a line that is shown, or a file; and of how many there are."""

import re

BREAKS = re.compile(r"\r\n|[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
HIDDEN = re.compile(
    r"[\0-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""What steers a terminal, turns the order of letters round, or is not seen; and bytes that are no UTF-8."""

LONGEST = 200
"""Bytes of the name of a run."""


def shown(text: str) -> str:
    r"""Write a text on one line that steers no terminal: breaks and tabs are blanks, what else is hidden is `\x1b`."""
    return HIDDEN.sub(lambda found: written_out(found[0]), BREAKS.sub(" ", text))


def written_out(sign: str) -> str:
    r"""Write a sign as `\x1b`; one that stands for a byte which is no UTF-8 as that byte, `\xe9`."""
    byte = ord(sign) - 0xDC00
    return rf"\x{byte:02x}" if 0x80 <= byte <= 0xFF else sign.encode("unicode_escape").decode()


def several(count: int | None, what: str) -> str:
    """Write how many there are of something: `1 head`, `2 heads`, `1,000 users`."""
    return f"{count if count is None else f'{count:,}'} {what}{'' if count == 1 else 's'}"


def filed(text: str) -> str:
    """Write a name so that it can be part of a file's name on any system: words, and `.`, `=`, `_`, `-` between.

    None begins with `.`, which hides a file, or `-`, which a command takes for an option.
    """
    return re.sub(r"[^\w.=-]", "-", text).lstrip(".-")


def spec_filed(text: str) -> str:
    """Write a name, or a spec, so that it can be part of a run's name."""
    return filed(text.replace(":", "-").replace("=", ""))


def fitting(name: str) -> str:
    """Take letters from the middle of a name that is too long for a folder; its digest, at the end, tells it apart."""
    whole = name.encode()
    return name if len(whole) <= LONGEST else f"{whole[: LONGEST - 61].decode('utf-8', 'ignore')}_{name[-15:]}"
