"""Regions as rows: of a table for people, and of CSV for programs."""

import csv
import io
from collections.abc import Iterable
from typing import Any

SQUARED = "\N{SUPERSCRIPT TWO}"
AXES = "xyz"
PLACES = ("centre", "low", "high")
SIZES = ("area", "area_missing", "length", "width", "depth", "height", "roughness")
NUMBERS = ("id", "kind", "points", "share", *SIZES, "peak", "mean")  # of a region, in this order
TIMES = "\N{MULTIPLICATION SIGN}"


def region_table(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the regions of a part, as words with three digits.

    result: of `build_result`
    """
    unit = result["unit"]
    along, square = (f" [{unit}{power}]" if unit else "" for power in ("", SQUARED))
    heads = ["region", "kind", f"area{square}", f"length {TIMES} width{along}", f"depth{along}", f"height{along}"]
    heads += ["peak", "mean", "points", f"centre{along}"]
    return heads, [_row(region) for region in result["regions"]]


def _row(region: dict[str, Any]) -> list[str]:
    missing = f" ({_shown(region['area_missing'])} missing)" if region["area_missing"] else ""
    sides = f"{_shown(region['length'])} {TIMES} {_shown(region['width'])}"
    row = [str(region["id"]), region["kind"], _shown(region["area"]) + missing, sides]
    row += [_shown(region["depth"]), _shown(region["height"]), f"{region['peak']:.3f}", f"{region['mean']:.3f}"]
    return [*row, f"{region['points']:,}", ", ".join(map(_shown, region["centre"]))]


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"


def region_csv(results: Iterable[dict[str, Any]]) -> str:
    """One line a region of all parts, in the parts' order, under a line of names; empty cells for what is unknown.

    results: of `build_result`; failures hold no regions and are left out
    """
    stream = io.StringIO()
    lines = csv.writer(stream, lineterminator="\n")
    lines.writerow(["input", "unit", *NUMBERS, *(f"{place}_{axis}" for place in PLACES for axis in AXES)])
    for result in results:
        for region in result.get("regions", ()):
            places = [value for place in PLACES for value in region[place]]
            numbers = ("" if region[name] is None else region[name] for name in NUMBERS)
            lines.writerow([result["input"], result["unit"] or "", *numbers, *places])
    return stream.getvalue()
