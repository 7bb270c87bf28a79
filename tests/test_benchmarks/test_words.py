"""How figures and names are written in the documents."""

from pathlib import Path

import pytest
from passages import catalogs
from passages._reference import Reference
from passages._words import milliseconds, number, paragraph, size, times

from linrec_cli import catalog


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(0.184, 2, ".18"), (-0.05, 2, "-.05"), (1.25, 2, "1.25"), (0.0, 2, ".00"), (-0.001, 2, ".00"), (0.999, 2, "1.00"),
     (1234.5, 1, "1,234.5"), (0.1835, 4, ".1835"), (10.04, 2, "10.04")],
)  # fmt: skip
def test_a_number_has_no_zero_before_its_point(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text


def test_sizes_times_and_ratios_have_few_digits() -> None:
    assert [milliseconds(s) for s in (0.0001012, 0.0015685, 0.0136, 0.507, 4.421)] == [
        "0.101 ms", "1.57 ms", "13.6 ms", "507 ms", "4,421 ms"
    ]  # fmt: skip
    assert [size(n) for n in (8448, 64 * 1024, 38 * 2**20, 3 * 2**30)] == ["8.2 KiB", "64 KiB", "38 MiB", "3.0 GiB"]
    assert [times(x) for x in (1.153, 6.48, 56.5)] == ["1.15", "6.5", "56"]


def test_a_paragraph_has_lines_of_at_most_120_letters() -> None:
    lines = paragraph("word " * 59 + "word", "", "end.").splitlines()
    assert max(map(len, lines)) <= 120
    assert " ".join(lines) == "word " * 60 + "end."


def test_options_are_written_as_they_are_told() -> None:
    def made(x: int, share: float = 0.5, *, last: bool = False, kind: str = "all") -> None: ...

    assert catalogs.options(made) == "`share=0.5` `last=false` `kind=all`"


def test_every_name_of_a_catalog_stands_in_its_table_with_its_first_sentence(tmp_path: Path) -> None:
    lines = catalogs.mechanisms(Reference(tmp_path)).splitlines()[2:]
    assert [line.split("`")[1] for line in lines] == catalog.names("attentions")
    (softmax,) = (line for line in lines if line.startswith("| `softmax` |"))
    title = "Scaled dot-product attention, the baseline, on torch's fused kernels"
    assert softmax == f"| `softmax` | causal, bidirectional | `T^2 D` | cache | {title} |"
    assert [line.split("|")[4].strip() for line in lines if "`linear`" in line or "`linformer`" in line] == ["yes", ""]
    assert catalogs.names(Reference(tmp_path)).count("`--loss`") == 1
