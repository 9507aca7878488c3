"""A table as text: for the terminal, as Markdown, CSV and JSON. Returns strings; the command prints them."""

import csv
import io
import json
import math
from typing import Any

from align3d_cli.evaluation import table_published as printed
from align3d_cli.evaluation.settings import TableFormat
from align3d_cli.evaluation.table_intervals import CSV_HEAD, HEAD, csv_figures, figures_dict, known, shown_figures
from align3d_cli.evaluation.table_rows import METRICS, OBJECT_METRICS, POINT_METRICS, Row, Value
from align3d_cli.evaluation.tables import Table
from align3d_cli.metrics.samples import MODES

TITLES = {"mean": "Macro mean over categories", "category": "Per category", "defect": "Per kind of defect"}
SCHEMA_VERSION = 1
PLAIN_WIDTH = 120  # of the notes where no terminal says how wide it is
UNCUT_WIDTH = 1000  # columns of numbers are never cut, whatever the terminal


def render(table: Table, format: TableFormat, *, width: int | None = None, colour: bool = False) -> str:
    """The table in one of its formats. width, colour: of the terminal, for "text" only."""
    if format == "text":
        return to_text(table, width or PLAIN_WIDTH, colour)
    return {"csv": to_csv, "md": to_markdown, "json": to_json}[format](table)


def to_json(table: Table) -> str:
    """Everything, nan as null; measured and published rows are separate lists."""
    return json.dumps(as_dict(table), indent=1, allow_nan=False)


def as_dict(table: Table) -> dict[str, Any]:
    """The table as JSON values. Metrics are in %, unrounded beyond the fourth place."""
    return {
        "schema_version": SCHEMA_VERSION,
        **table.head,
        "notes": table.notes,
        "rows": [_row_dict(row) for row in table.rows],
        "published": [printed.published_dict(row) for row in table.published],
    }


def _row_dict(row: Row) -> dict[str, Any]:
    return {
        "level": row.level,
        "name": row.name,
        "method": row.method,
        "pixels": row.pixels,
        "metrics": {metric: known(value.mean) for metric, value in row.values.items()},
        "std": {metric: known(value.std) for metric, value in row.values.items()},
        "n_scans": row.n_scans,
        "n_anomalous": row.n_anomalous,
        "saw": row.saw,
        "notes": list(row.notes),
        **figures_dict(row),
    }


def to_csv(table: Table) -> str:
    """One line a row and way of counting pixels; the column `source` tells measured from published; nan is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    stds = [f"{metric} std" for metric in METRICS]
    facts = ["scans", "defective", "notes", *printed.CSV_HEAD]
    writer.writerow(["source", "level", "name", "method", "pixels", *METRICS, *stds, *facts, *CSV_HEAD])
    for row in table.rows:
        values = [_cell(known(row.values[metric].mean)) for metric in METRICS]
        spread = [_cell(known(row.values[metric].std)) for metric in METRICS]
        facts = [str(row.n_scans), str(row.n_anomalous), "; ".join(row.notes), row.saw, "", ""]
        writer.writerow(
            ["measured", row.level, row.name, row.method, row.pixels, *values, *spread, *facts, *csv_figures(row)]
        )
    for told in table.published:
        values = [_cell(value) for value in told.values] + [""] * (2 + len(METRICS))
        facts = ["", "", f"{told.protocol}, {told.source}", *printed.published_cells(told)]
        writer.writerow(["published", "mean", "mean", told.method, "paper", *values, *facts, *[""] * len(CSV_HEAD)])
    return text.getvalue().rstrip("\n")


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value}"


def to_markdown(table: Table) -> str:
    """Sections of tables and the notes below."""
    parts = [f"# {title(table)}"]
    for heading, head, lines in sections(table):
        parts += [f"## {heading}", _markdown_table(head, lines)]
    parts += ["## Notes", "\n".join(f"* {note}" for note in footnotes(table))]
    return "\n\n".join(parts)


def _markdown_table(head: list[str], lines: list[list[str]]) -> str:
    rule = ["---" if at < 2 else "---:" for at in range(len(head))]
    plain = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in (head, rule, *lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in plain)


def to_text(table: Table, width: int, colour: bool) -> str:
    """The table as a terminal shows it, `width` characters wide; a table that needs more is not cut."""
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    text = io.StringIO()

    def console_of(width: int) -> Console:
        return Console(width=width, file=text, force_terminal=colour, color_system="standard" if colour else None)

    console, wide = console_of(width), console_of(UNCUT_WIDTH)
    console.print(Text(title(table), style="bold"))
    for heading, head, lines in sections(table):
        drawn = RichTable(title=Text(heading), title_justify="left", box=None, pad_edge=False, header_style="bold")
        for at, name in enumerate(head):
            drawn.add_column(Text(name), justify="left" if at < 2 else "right", no_wrap=at > 1)
        for line in lines:
            drawn.add_row(*(Text(cell) for cell in line))
        console.print()
        wide.print(drawn)
    console.print()
    for note in footnotes(table):
        console.print(Text(f"* {note}"))
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").split("\n"))


def title(table: Table) -> str:
    """One line that says what was tested on what."""
    head = table.head
    model = f", model {head['model']['name']}" if head["model"] else ""
    seeds = f", seeds {' '.join(map(str, head['seeds']))}" if len(head["seeds"]) > 1 else ""
    part = f", at most {head['limit']} scans a category" if head["limit"] else ""
    return f"{head['data_set']}, {head['protocol']}{model}{seeds}{part} (align3d {head['tool_version']})"


def sections(table: Table) -> list[tuple[str, list[str], list[list[str]]]]:
    """(heading, column names, lines) of every part of the table, measured ones first, published ones apart.

    A line break in a column's name parts the way of counting pixels from the metric.
    """
    modes = [mode for mode in MODES if any(row.pixels == mode for row in table.rows)]
    points = [f"{mode}\n{metric}" for mode in modes for metric in POINT_METRICS]
    saw = ["saw"] if any(row.saw for row in table.rows) else []
    head = ["", "method", *OBJECT_METRICS, *points, "scans", "defective", *saw, *HEAD]
    found = []
    for level, heading in TITLES.items():
        rows = [row for row in table.rows if row.level == level]
        if rows:
            found.append((f"{heading}, measured", head, _lines(rows, modes)))
    return found + printed.published_sections(table.published, table.head["protocol"])


def _lines(rows: list[Row], modes: list[str]) -> list[list[str]]:
    """One line for every (name, method): its object metrics once, its point metrics for each way of counting."""
    by_name: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        by_name.setdefault((row.name, row.method), {})[row.pixels] = row
    lines, last = [], None
    for (name, method), of_mode in by_name.items():
        whole = of_mode["foreground"]
        values = [show(whole.values[metric]) for metric in OBJECT_METRICS]
        for mode in modes:
            counted = of_mode.get(mode)
            values += [show(counted.values[metric]) if counted else "-" for metric in POINT_METRICS]
        counts = [str(whole.n_scans), str(whole.n_anomalous), *([whole.saw] if whole.saw else [])]
        lines.append([name if name != last else "", method, *values, *counts, *shown_figures(whole)])
        last = name
    return lines


def show(value: Value) -> str:
    """One place after the point, with its spread over seeds; nan as nan."""
    if math.isnan(value.mean):
        return "nan"
    return f"{value.mean:.1f}" if value.std is None else f"{value.mean:.1f} ± {value.std:.1f}"


def footnotes(table: Table) -> list[str]:
    """The legend, the notes of the table, and why a value is nan."""
    told = ("figures", "methods")
    meanings = [f"{name}: {meaning}" for part in told for name, meaning in table.head[part].items()]
    modes = {row.pixels for row in table.rows}
    pixels = [f"{mode}: {meaning}" for mode, meaning in table.head["pixels"].items() if mode in modes]
    spread = "± is the standard deviation over seeds, which draw good parts, and scans that are generated"
    seeds = [spread] if len(table.head["seeds"]) > 1 else []
    shown = [row for row in table.rows if row.level != "defect"]
    undefined = dict.fromkeys(f"{row.name}, {row.pixels}: {note}" for row in shown for note in row.notes)
    return [
        table.head["legend"],
        *printed.published_notes(table.published),
        *meanings,
        *pixels,
        *seeds,
        *table.notes,
        *undefined,
    ]
