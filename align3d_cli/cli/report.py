"""`align3d report`: the page of parts that were scored earlier."""

from pathlib import Path
from typing import Any

import typer

from align3d_cli.cli.options import check_suffix, examples
from align3d_cli.cli.result_files import HELP, check_results

EXAMPLES = examples(
    "align3d report scores.jsonl --out page.html",
    "align3d report monday.jsonl tuesday.jsonl --out week.html --title 'line 3'",
    "align3d report heat/ --out page.html --points 50000",
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("report", epilog=EXAMPLES)(report)


def report(
    results: list[Path] = typer.Argument(metavar="RESULTS...", help=f"{HELP}."),
    out: Path = typer.Option(..., "--out", help="The HTML page to write."),
    title: str | None = typer.Option(None, help="Of the page; default: the name of --out."),
    points: int | None = typer.Option(
        None, min=100, help="Points of each part at most; default: 200000 of one part, fewer of many."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print what is on the page as JSON."),
    force: bool = typer.Option(False, "--force", help="Overwrite --out."),
) -> None:
    """Make the page of --report again from results and the heat maps that they name, as far as these are there.

    Heat maps are looked for where the results say, else in the folder of the results. .ply and .npz give points to
    turn, .png its picture; without a heat map a part stands there with its numbers.
    """
    from align3d_cli.cli import output
    from align3d_cli.helpers.files import check_free, write_bytes
    from align3d_cli.report.html import html_page
    from align3d_cli.report.kept_page import kept_page
    from align3d_cli.report.read_results import is_failure, latest, read_results
    from align3d_cli.report.thinning import points_each

    check_suffix("--out", out, "HTML")
    check_results(results, out)
    check_free(out, force=force)
    told = [(result, _folder(path)) for path in results for result in latest(read_results(path))]
    scored = [(result, folder) for result, folder in told if not is_failure(result)]
    failures = [result for result, _ in told if is_failure(result)]
    limit = points or points_each(len(scored))
    with output.progress("reading heat maps", len(scored)) as advance:
        pages = []
        for result, folder in scored:
            pages.append(kept_page(result, points=limit, beside=folder))
            advance(1)
    write_bytes(out, html_page(title or out.stem, pages, failures).encode(errors="replace"), force=force)
    _tell(out, pages, failures, as_json=as_json)


def _folder(results: Path) -> Path:
    """Where heat maps are looked for that are not where the results say."""
    return results if results.is_dir() else results.parent


def _tell(out: Path, pages: list[Any], failures: list[Any], *, as_json: bool) -> None:
    """Say what the page holds."""
    from align3d_cli.cli import output

    turnable = sum(page.points is not None for page in pages)
    if as_json:
        counts = {"parts": len(pages), "with_points": turnable, "failures": len(failures)}
        output.result_json({"output": str(out), "bytes": out.stat().st_size} | counts, indent=2)
        return
    failed = f", {len(failures)} that could not be scored" if failures else ""
    output.result(f"{out}: {len(pages)} parts, {turnable} of them with points{failed}")
