"""Options of `align3d score` that say how scans are read."""

from pathlib import Path

from typer.testing import CliRunner

from .case import Case

SCAN = b"1 2 3\n" * 9


def score(*options: str, name: str = "a.xyz") -> Case:
    """Call the program; the error that would end it is raised."""

    def case(folder: Path) -> None:
        from align3d_cli.cli.app import app

        (folder / name).write_bytes(SCAN)
        done = CliRunner().invoke(app, ["score", str(folder / name), *options])
        if done.exception is not None:
            raise done.exception

    return case


CASES = {
    "focal of zero": score("--focal", "0"),
    "focal of nan": score("--focal", "nan"),
    "unknown input format": score("--input-format", "las"),
    "columns without z": score("--columns", "x,y"),
    "columns beyond the table": score("--columns", "xyzrgb"),
    "unit that is none": score("--unit", "parsec"),
    "columns of a ply": score("--columns", "xyz", name="a.ply"),
    "a table read as ply": score("--input-format", "ply"),
    "marks kept": score("--keep-marks"),
    "a unit": score("--unit", "mm"),
}
