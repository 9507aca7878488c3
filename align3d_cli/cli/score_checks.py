"""Options of `align3d score` that contradict each other, found before anything is read."""

import os
from pathlib import Path

from align3d_cli.cli.options import check_folder, refuse_overwriting
from align3d_cli.errors import UsageError


def check_outputs(
    out: Path | None, out_dir: Path | None, report: Path | None, json: bool, jsonl: bool, format: str | None
) -> None:
    """Raise UsageError for outputs that contradict each other."""
    if out is not None and out_dir is not None:
        raise UsageError("--out and --out-dir: give one, --out for a single part, --out-dir for many")
    check_folder("--out-dir", out_dir)
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report {report}: is written as HTML; end its name with .html")
    if report is not None and out is not None and os.path.realpath(report) == os.path.realpath(out):
        raise UsageError(f"--report {report}: is the heat map's own file; give the two different names")
    if json and jsonl:
        raise UsageError("--json and --jsonl: give one, --jsonl for many parts")
    if str(out) == "-" and (json or jsonl):
        raise UsageError("--out -: standard output carries the heat map, so no JSON can be printed there; name a file")
    if str(out) == "-" and format is None:
        raise UsageError("--out -: needs --format")


def check_free_files(heatmaps: list[Path | None], files: list[Path | None], *, force: bool, resume: bool) -> None:
    """Raise UsageError for files that are there and may not be replaced, and for places that take none.

    heatmaps: of the parts, which --resume may go on with; files: the others that the call writes
    """
    from align3d_cli.helpers.files import check_free

    refuse_overwriting(heatmaps, force=force or resume)
    for file in files:
        if file is not None and str(file) != "-":
            check_free(file, force=force)


def check_regions(table: Path | None, fail_above: float | None, rules: Path | None) -> None:
    """Raise UsageError for a table of regions that is not called one, and for two things that decide."""
    if table is not None and table.suffix.lower() != ".csv":
        raise UsageError(f"--regions {table}: is written as CSV; end its name with .csv")
    if fail_above is not None and rules is not None:
        raise UsageError(f'--fail-above and --rules: give one; write reject = "score > {fail_above:g}" into the rules')


def check_known(
    inputs: list[str], good: list[str], reference: str | None, among: bool, *, split: bool, engine: str
) -> None:
    """Raise UsageError for things known beside the scan that contradict each other or the inputs."""
    given = [name for name, is_given in (("--good", good), ("--reference", reference), ("--among", among)) if is_given]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]}: give one, what is known best: --reference, --good, --among")
    if reference is not None and (reference == "-" or os.path.isdir(reference)):
        raise UsageError(f"--reference {reference}: is no file; name the one part or CAD model that parts must lie on")
    if among and "-" in inputs:
        raise UsageError("--among and -: standard input can be read once only; name files or folders")
    if among and split:
        raise UsageError("--among and --split: give one; --among compares whole scans")
    if among and engine != "local":
        raise UsageError("--among: only with --engine local")


def check_resume(
    resume: bool, out_dir: Path | None, report: Path | None, *, force: bool, split: bool, among: bool
) -> None:
    """Raise UsageError for what --resume cannot be given with."""
    if not resume:
        return
    if out_dir is None:
        raise UsageError("--resume: needs --out-dir, the folder to go on in")
    against = {"--force": force, "--split": split, "--report": report is not None, "--among": among}
    for option in (name for name, given in against.items() if given):
        raise UsageError(f"--resume and {option}: give one; {option} needs every part scored")
