"""`align3d score`: an anomaly score for every point of every scan, and one for each scan."""

from pathlib import Path

import typer

from align3d_cli.cli import output
from align3d_cli.cli import score_options as opt
from align3d_cli.cli.options import check_folder, check_views, examples, refuse_overwriting
from align3d_cli.errors import BatchFailures, UsageError

EXCEEDED = 3  # exit code: done, and a part lies above --fail-above


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        epilog=examples(
            "align3d score part.ply --out heatmap.ply",
            "align3d score part.stl --out report.html --json",
            "align3d score xyz/000.tiff --out map.tiff --fail-above 0.6",
            "align3d score parts/ --out-dir heat/ --report report.html --jsonl > scores.jsonl",
            "align3d score parts/ --out-dir heat/ --engine ray --ray-address auto",
            "cat part.ply | align3d score - --input-format ply --json",
            "Exit codes: 0 done, 2 usage, 3 a part exceeds --fail-above, 4 input rejected, 5 model or device "
            "missing, 6 some parts of a batch failed (also when others exceed the limit).",
        )
    )(score)


def score(
    inputs: opt.Inputs,
    out: opt.Out = None,
    out_dir: opt.OutDir = None,
    format: opt.Format = None,
    report: opt.Report = None,
    json: opt.Json = False,
    jsonl: opt.Jsonl = False,
    fail_above: opt.FailAbove = None,
    force: opt.Force = False,
    quiet: opt.Quiet = False,
    model: opt.Model = "align3d-lite",
    device: opt.WhichDevice = "auto",
    views: opt.Views = None,
    background: opt.WhichBackground = "auto",
    seed: opt.Seed = 0,
    input_format: opt.InputFormat = None,
    focal: opt.Focal = None,
    columns: opt.Columns = None,
    engine: opt.WhichEngine = opt.Engine.local,
    ray_address: opt.RayAddress = None,
) -> None:
    """Score scans: an anomaly score for every point, a heat map, and a verdict on the part."""
    from align3d_cli.helpers.files import check_free
    from align3d_cli.running.inputs import find_parts, stream_format, with_named_output
    from align3d_cli.running.score_run import ScoreSettings

    _check_outputs(out, out_dir, report, json, jsonl, format)
    check_views(views)
    found = find_parts(inputs, avoid=out_dir)
    parts, kind = with_named_output(found.parts, out, out_dir, format)
    refuse_overwriting([part.output for part in parts], force=force)
    for file in (out, report):
        if file is not None and str(file) != "-":
            check_free(file, force=force)
    if found.left_out and not quiet:
        output.info(f"note: {len(found.left_out)} .txt files of the folders are left out; name them to score them")
    settings = ScoreSettings(
        model=model,
        device=device,
        format=kind,
        views=views,
        background=background,
        focal_px=focal,
        columns=columns,
        input_format=input_format or stream_format(inputs, format),
        fail_above=fail_above,
        seed=seed,
        force=force,
        report=report,
    )
    talk = output.info if str(out) == "-" else output.result
    run = _run_of(settings, parts, engine, ray_address)
    outcomes = _score_all(run, parts, talk, json=json, jsonl=jsonl, quiet=quiet)
    if report is not None:
        _write_report(report, outcomes, force)
    _end(outcomes, fail_above)


def _run_of(settings, parts: list, engine: opt.Engine, ray_address: str | None):
    """What scores the parts: this process, or a Ray cluster. Raises UsageError, and EnvironmentMissing without Ray."""
    from align3d_cli.running.score_run import ScoreRun

    if engine == opt.Engine.local and ray_address is None:
        return ScoreRun(settings, lone=len(parts) == 1)
    if engine == opt.Engine.local:
        raise UsageError("--ray-address: only with --engine ray")
    from align3d_cli.running.score_cluster import ClusterRun

    return ClusterRun(settings, ray_address)


def _check_outputs(out, out_dir, report, json: bool, jsonl: bool, format) -> None:
    """Raise UsageError for outputs that contradict each other."""
    if out is not None and out_dir is not None:
        raise UsageError("--out and --out-dir: give one, --out for a single part, --out-dir for many")
    check_folder("--out-dir", out_dir)
    if report is not None and report.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--report {report}: is written as HTML; end its name with .html")
    if report is not None and out is not None and report.resolve() == out.resolve():
        raise UsageError(f"--report {report}: is the heat map's own file; give the two different names")
    if json and jsonl:
        raise UsageError("--json and --jsonl: give one, --jsonl for many parts")
    if str(out) == "-" and (json or jsonl):
        raise UsageError("--out -: standard output carries the heat map, so no JSON can be printed there; name a file")
    if str(out) == "-" and format is None:
        raise UsageError("--out -: needs --format")


def _score_all(run, parts, talk, *, json: bool, jsonl: bool, quiet: bool) -> list:
    """Score the parts in order and print each outcome; returns them all. talk: prints the lines for people."""
    from align3d_cli.cli.score_lines import result_line, summary

    width = max(len(part.name) for part in parts)
    outcomes = []
    with output.progress("scoring", len(parts), between_lines=not json) as advance:
        for found in run.outcomes(parts):
            outcomes.append(found)
            if jsonl:
                output.result_json(found.result)
            for note in () if quiet or found.error is not None else found.result["notes"]:
                output.info(f"note: {found.result['input']}: {note}")
            if found.error is not None and not run.lone:
                output.info(f"error: {found.result['error']['message']}")
            elif found.error is None and not (json or jsonl):
                talk(result_line(found.result, width))
            advance(1)
    if json:
        results = [found.result for found in outcomes]
        output.result_json(results[0] if run.lone else results, indent=2)
    if not run.lone and not quiet:
        output.info(summary(outcomes))
    return outcomes


def _write_report(path: Path, outcomes, force: bool) -> None:
    from align3d_cli.helpers.files import write_bytes
    from align3d_cli.report.html import html_page

    pages = [found.page for found in outcomes if found.page is not None]
    failures = [found.result for found in outcomes if found.error is not None]
    write_bytes(path, html_page(path.stem, pages, failures).encode(errors="replace"), force=force)


def _end(outcomes, fail_above: float | None) -> None:
    """Leave with the call's exit code. A failed part weighs more than an exceeded limit: the batch is incomplete."""
    failed = [found for found in outcomes if found.error is not None]
    if failed and len(outcomes) == 1:
        raise failed[0].error
    if any(found.result["error"]["kind"] == "internal" for found in failed):
        raise typer.Exit(1)
    if failed:
        raise BatchFailures(f"{len(failed)} of {len(outcomes)} parts could not be scored")
    if fail_above is not None and any(found.result["score"] > fail_above for found in outcomes):
        raise typer.Exit(EXCEEDED)
