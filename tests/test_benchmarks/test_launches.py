"""What is counted has the name that it is printed by; all else needs torch's CUDA build."""

import re

import launches


def test_counters_are_named_in_their_order() -> None:
    source = (launches.HERE / "launches.c").read_text("utf-8")
    names = re.search(r"enum \{ ([A-Z, ]+), COUNTERS \};", source)
    assert names is not None
    assert names[1].lower() == ", ".join(launches.COUNTED)
