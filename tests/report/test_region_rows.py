"""Regions as tables: every number of the JSON in CSV, words for people on the page."""

import csv
import io

from align3d_cli.regions.region import Region
from align3d_cli.report.region_rows import NUMBERS, region_csv, region_table
from align3d_cli.report.result import build_failure

REGION = Region(
    id=1, kind="concave", points=1200, share=0.02, area=4.25, area_missing=0.0, length=3.5, width=1.5, depth=0.25,
    height=None, roughness=0.01, centre=(1.0, 2.0, 3.0), low=(0.0, 1.0, 2.0), high=(2.0, 3.0, 4.0),
    peak=0.9000000357627869, mean=0.7,
)  # fmt: skip


def given(name: str = "a,b.ply", n: int = 1, unit: str | None = "mm") -> dict:
    return {"input": name, "unit": unit, "regions": [REGION.as_dict()] * n}


def test_csv_holds_one_line_a_region_with_the_numbers_of_the_json():
    """Parts without regions and failures have no line, unknown values an empty cell, names their quotes."""
    failure = build_failure(input="bad.ply", kind="input", message="bad.ply: empty; export it again", exit_code=4)
    text = region_csv([given(n=2), failure, given("cold.ply", 0)])
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == 2 and lines[0] == lines[1]
    line = lines[0]
    assert (line["input"], line["unit"], line["kind"], line["height"]) == ("a,b.ply", "mm", "concave", "")
    for name in set(NUMBERS) - {"kind", "height"}:
        assert float(line[name]) == getattr(REGION, name)
    assert [float(line[f"high_{axis}"]) for axis in "xyz"] == [2, 3, 4]


def test_the_table_says_units_and_what_is_unknown():
    """Lengths carry the unit where it is known, areas its square; None is a word."""
    heads, (row,) = region_table(given())
    assert len(heads) == len(row) and heads[2].endswith("[mm\N{SUPERSCRIPT TWO}]") and "[mm]" in heads[4]
    assert row[4:6] == ["0.25", "unknown"] and row[8] == "1,200"
    assert not any("[" in head for head in region_table(given(unit=None))[0])
