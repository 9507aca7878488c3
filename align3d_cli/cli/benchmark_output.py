"""What `align3d benchmark` prints: its progress on stderr, its table on stdout."""

import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from align3d_cli.cli import output
from align3d_cli.evaluation.settings import TableFormat

if TYPE_CHECKING:
    from align3d_cli.evaluation.runner import Talk


class RunProgress:
    """The bar of a run, and words on stderr; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bars = ExitStack()
        self.advance: Callable[[int], None] = lambda n: None

    def __enter__(self) -> "RunProgress":
        output.info(f"run: {self.folder} (the same command goes on with it)")
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.close()

    def as_talk(self) -> "Talk":
        """What a benchmark tells its progress to."""
        from align3d_cli.evaluation.runner import Talk

        return Talk(output.info, self._begin, self._advance)

    def _begin(self, scans: int) -> None:
        self.advance = self._bars.enter_context(output.progress("scoring", scans))

    def _advance(self, failure: str | None) -> None:
        if failure:
            output.warn(failure)
        self.advance(1)


def print_table(folder: Path, format: TableFormat, plots: Path | None) -> None:
    """Build the table from the log and print it; plots beside, when asked for."""
    from align3d_cli.evaluation.runlog import read_run
    from align3d_cli.evaluation.table_notes import INCOMPLETE
    from align3d_cli.evaluation.table_text import render
    from align3d_cli.evaluation.tables import build_table

    record = read_run(folder)
    table = build_table(record)
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    output.result(render(table, format, width=width, colour=terminal))
    for note in table.notes:
        if note.startswith(INCOMPLETE):  # csv carries no notes
            output.warn(f"{folder}: {note}")
    if plots is not None:
        from align3d_cli.evaluation.plots import write_plots

        for path in write_plots(record, plots):
            output.info(f"wrote {path}")
