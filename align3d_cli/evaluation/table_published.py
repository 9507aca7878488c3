"""Published rows in a table's forms: apart from measured ones, and those that saw more apart from the others."""

from typing import Any

from align3d_cli.evaluation.published import Published

TITLES = {
    False: "Published, not measured here",
    True: "Published, not measured here, and saw more than the scan: no equals of the rows above",
}  # by whether a method saw more of the tested parts than the scan
BESIDE_ALL = "Published, not measured here: compare what each saw"  # in k-shot, whose rows saw more themselves
SECOND_HAND = "(*)"  # beside a method whose figures come second-hand
NOTE = f"{SECOND_HAND} second-hand: said by others than those who ran it, not reproduced"
METRICS = ("O-R", "O-A", "P-R", "P-P")
HEAD = ["", "method", *METRICS, "protocol", "saw", "needs", "source"]
CSV_HEAD = ("saw", "needs", "second-hand")  # the last two only published rows fill


def published_sections(rows: list[Published], protocol: str) -> list[tuple[str, list[str], list[list[str]]]]:
    """(heading, column names, lines) of each part that has rows."""
    found = []
    titles = {True: BESIDE_ALL} if protocol == "k-shot" else TITLES
    for tested_parts, heading in titles.items():
        lines = [_line(row) for row in rows if row.saw.tested_parts == tested_parts]
        if lines:
            found.append((heading, HEAD, lines))
    return found


def _line(row: Published) -> list[str]:
    method = f"{row.method} {SECOND_HAND}" if row.second_hand else row.method
    values = ("-" if value is None else f"{value:.1f}" for value in row.values)
    return ["published", method, *values, row.protocol, str(row.saw), row.needs, row.source]


def published_notes(rows: list[Published]) -> list[str]:
    """What the mark means, where a row has it."""
    return [NOTE] if any(row.second_hand for row in rows) else []


def published_dict(row: Published) -> dict[str, Any]:
    """A row as JSON values."""
    return {
        "method": row.method,
        "protocol": row.protocol,
        "source": row.source,
        "saw": str(row.saw),
        "saw_tested_parts": row.saw.tested_parts,
        "needs": row.needs,
        "second_hand": row.second_hand,
        "metrics": dict(zip(METRICS, row.values, strict=True)),
    }


def published_cells(row: Published) -> list[str]:
    """The cells of CSV_HEAD."""
    return [str(row.saw), row.needs, "yes" if row.second_hand else "no"]
