"""`align3d baseline`: the scores of good parts kept, and later ones compared with them in control charts."""

from pathlib import Path
from typing import Any

import typer

from align3d_cli.cli.options import check_suffix, examples
from align3d_cli.cli.result_files import HELP, check_results

DRIFTED = 3  # exit code: done, and the parts have moved

app_baseline = typer.Typer(
    help="Keep the scores of good parts, and see in control charts whether later ones still look like them.",
    no_args_is_help=True,
)
RESULTS = typer.Argument(..., metavar="RESULTS...", help=f"{HELP}; in order.")


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    lines = examples(
        "align3d baseline save good.jsonl --out line3.baseline.json",
        "align3d baseline compare today.jsonl --baseline line3.baseline.json --out chart.html",
    )
    app.add_typer(app_baseline, name="baseline", epilog=lines)


@app_baseline.command(
    "save",
    epilog=examples(
        "align3d score good/ --model line3.safetensors --jsonl > good.jsonl",
        "align3d baseline save good.jsonl --out line3.baseline.json",
        "align3d baseline save heat/ --out line3.baseline.json",
    ),
)
def save(
    results: list[Path] = RESULTS,
    out: Path = typer.Option(..., "--out", help="The baseline to write (.json)."),
    as_json: bool = typer.Option(False, "--json", help="Print what was kept as JSON."),
    force: bool = typer.Option(False, "--force", help="Overwrite --out."),
) -> None:
    """Keep the scores of good parts in their order, with the limits of their control chart.

    Five are enough to begin, twenty for limits that hold. Defective and failed parts among them are left out.
    """
    from align3d_cli.cli import output
    from align3d_cli.helpers.files import check_free
    from align3d_cli.running.baseline import ENOUGH, baseline_of, save_baseline
    from align3d_cli.running.baseline import as_json as facts_of

    check_suffix("--out", out, "JSON")
    check_free(out, force=force)
    check_results(results, out)
    found = baseline_of(_read(results), _named(results))
    save_baseline(out, found)
    facts = facts_of(found)
    if found.rough:
        output.warn(f"{out}: {len(found.traits)} parts give rough limits; save {ENOUGH} or more when there are")
    if as_json:
        output.result_json({"out": str(out)} | facts, indent=2)
        return
    left = f", {found.left_out} defective or failed ones left out" if found.left_out else ""
    limits = "score {mean:.3f}, limits {low:.3f} to {high:.3f}".format(**facts["limits"])
    output.result(f"{out}: {len(found.traits)} parts{left}; {limits}")


@app_baseline.command(
    "compare",
    epilog=examples(
        "align3d baseline compare today.jsonl --baseline line3.baseline.json",
        "align3d baseline compare today.jsonl --baseline line3.baseline.json --out chart.html --json > compared.json",
        "align3d baseline compare heat/ --baseline line3.baseline.json --fail-on-drift",
        "Exit codes: 0 done, 2 usage, 3 --fail-on-drift and the parts have moved, 4 results or baseline rejected.",
    ),
)
def compare(
    results: list[Path] = RESULTS,
    baseline: Path = typer.Option(..., "--baseline", help="Of `align3d baseline save`."),
    out: Path | None = typer.Option(None, "--out", help="The charts as one HTML page."),
    as_json: bool = typer.Option(False, "--json", help="Print values, limits and signals as JSON."),
    fail_on_drift: bool = typer.Option(
        False,
        "--fail-on-drift",
        help="Exit with 3 when the parts as a whole have moved, or their average lies out now.",
    ),
    force: bool = typer.Option(False, "--force", help="Overwrite --out."),
) -> None:
    """Compare results with a baseline: charts of single scores, of moving ranges and of the moving average.

    Values are logits of scores, in the order of the results. Signals are those of Nelson's rules 1, 2, 3 and 5 and of
    the moving average. One defective part is a signal and no drift: that is asked of the parts as a whole.
    """
    from align3d_cli.cli import output
    from align3d_cli.helpers.files import check_free, write_bytes
    from align3d_cli.report import baseline_text as text
    from align3d_cli.running.baseline import load_baseline
    from align3d_cli.running.compare import compare as compared

    check_suffix("--out", out, "HTML")
    if out is not None:
        check_free(out, force=force)
    check_results(results, out, baseline)
    known = load_baseline(baseline)
    found = compared(_read(results), _named(results), known)
    if out is not None:
        from align3d_cli.report.baseline_page import baseline_page

        write_bytes(out, baseline_page(out.stem, found).encode(errors="replace"), force=force)
    for doubt in text.doubts(found):
        output.info(f"note: {doubt}")
    if (line := text.drift_line(found)) is not None:
        output.warn(line)
    if as_json:
        output.result_json(found, indent=2)
    else:
        output.result(
            "\n".join([text.summary(found), *(text.signal_text(one, found["parts"]) for one in found["signals"])])
        )
    if fail_on_drift and found["drifted"]:
        raise typer.Exit(DRIFTED)


def _read(results: list[Path]) -> list[dict[str, Any]]:
    """What the files and folders tell, one after the other."""
    from align3d_cli.report.read_results import read_results

    return [result for path in results for result in read_results(path)]


def _named(results: list[Path]) -> str:
    """What messages call the results."""
    return str(results[0]) if len(results) == 1 else f"{results[0]} and {len(results) - 1} more"
