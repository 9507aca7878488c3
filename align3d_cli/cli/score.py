"""`align3d score`: an anomaly score for every point of every scan, and one for each scan."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from align3d_cli.cli import output
from align3d_cli.cli import score_options as opt
from align3d_cli.cli.options import check_views, examples
from align3d_cli.cli.score_checks import check_free_files, check_known, check_outputs, check_regions, check_resume
from align3d_cli.cli.score_lines import result_line, summary
from align3d_cli.errors import BatchFailures, UsageError
from align3d_cli.helpers.places import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from align3d_cli.running.batch import Batch, BatchSettings, Outcome
    from align3d_cli.running.cluster_batch import ClusterBatch
    from align3d_cli.running.inputs import Part
    from align3d_cli.running.record import Record

BATCH_PAGE_POINTS = 12_000  # a page of a hundred parts stays near 25 MB
EXCEEDED = 3  # exit code: done, and a part lies above --fail-above, or --rules reject it


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        epilog=examples(
            "align3d score part.ply --out heatmap.ply",
            "align3d score part.stl --out report.html --json",
            "align3d score xyz/000.tiff --out map.tiff --fail-above 0.6",
            "align3d score parts/ --out-dir heat/ --report report.html --jsonl > scores.jsonl",
            "align3d score parts/ --regions regions.csv --rules line3.toml",
            "align3d score parts/ --out-dir heat/ --resume",
            "align3d score part.ply --good good/ --out heatmap.ply",
            "align3d score part.ply --reference nominal.stl --out heatmap.ply",
            "align3d score parts/ --among --out-dir heat/",
            "align3d score parts/ --out-dir heat/ --engine ray --ray-address auto",
            "cat part.ply | align3d score - --input-format ply --json",
            "Exit codes: 0 done, 2 usage, 3 a part exceeds --fail-above or breaks a rule, 4 input rejected, 5 model or "
            "device missing, 6 some parts of a batch failed (also when others exceed the limit).",
        )
    )(score)


def score(
    inputs: opt.Inputs,
    out: opt.Out = None,
    out_dir: opt.OutDir = None,
    format: opt.Format = None,
    report: opt.Report = None,
    regions: opt.Regions = None,
    json: opt.Json = False,
    jsonl: opt.Jsonl = False,
    fail_above: opt.FailAbove = None,
    rules: opt.RulesFile = None,
    good: opt.Good = [],  # noqa: B006 - typer copies it
    reference: opt.Reference = None,
    among: opt.Among = False,
    force: opt.Force = False,
    resume: opt.Resume = False,
    quiet: opt.Quiet = False,
    model: opt.Model = DEFAULT_MODEL,
    device: opt.WhichDevice = "auto",
    views: opt.Views = None,
    background: opt.WhichBackground = "auto",
    seed: opt.Seed = 0,
    input_format: opt.InputFormat = None,
    focal: opt.Focal = None,
    columns: opt.Columns = None,
    unit: opt.Unit = None,
    keep_marks: opt.KeepMarks = False,
    split: opt.Split = False,
    engine: opt.WhichEngine = opt.Engine.local,
    ray_address: opt.RayAddress = None,
) -> None:
    """Score scans: an anomaly score for every point, a heat map, and a verdict on the part."""
    from align3d_cli.regions.rules_file import read_rules
    from align3d_cli.running.batch import BatchSettings
    from align3d_cli.running.inputs import find_parts, known_scans, stream_format, with_named_output
    from align3d_cli.running.record import outcomes as recorded
    from align3d_cli.running.record import record_of

    check_outputs(out, out_dir, report, json, jsonl, format)
    check_regions(regions, fail_above, rules)
    check_resume(resume, out_dir, report, force=force, split=split, among=among)
    check_known(inputs, good, reference, among, split=split, engine=engine)
    check_views(views)
    found = find_parts(inputs, avoid=out_dir)
    parts, kind = with_named_output(found.parts, out, out_dir, format)
    check_free_files([part.output for part in parts], [out, report, regions], force=force, resume=resume)
    if found.left_out and not quiet:
        output.info(f"note: {len(found.left_out)} .txt files of the folders are left out; name them to score them")
    settings = BatchSettings(
        model=model,
        device=device,
        views=views,
        background=background,
        threshold=fail_above,
        seed=seed,
        input_format=input_format or stream_format(inputs, format),
        focal_px=focal,
        columns=columns,
        keep_marks=keep_marks,
        unit=unit,
        split=split,
        rules=None if rules is None else read_rules(rules),
        good=known_scans(good),
        reference=reference,
        among=among,
        format=kind,
        force=force or resume,  # what may not be replaced, the record refuses
        pages=report is not None,
        page_points=None if len(parts) == 1 else BATCH_PAGE_POINTS,
    )
    batch = _batch(settings, engine, ray_address)
    record = None if out_dir is None else record_of(out_dir, settings)
    kept = _kept(record, parts, quiet) if record is not None and resume else {}
    if str(out) == "-":
        outcomes = _score_to_stdout(batch, parts[0], kind, quiet)
    else:
        outcomes = _score_all(recorded(batch, parts, record, kept), parts, json=json, jsonl=jsonl, quiet=quiet)
    _write_tables(report, regions, outcomes, force)
    _end(outcomes, fail_above)


def _kept(record: "Record", parts: "list[Part]", quiet: bool) -> dict[Path, dict[str, Any]]:
    """The results that a call before this one left, by heat map."""
    kept = record.kept(parts)
    if kept and not quiet:
        output.info(f"note: {len(kept)} of {len(parts)} parts are scored already and kept")
    return kept


def _batch(settings: "BatchSettings", engine: opt.Engine, ray_address: str | None) -> "Batch | ClusterBatch":
    """What scores the parts: this process, or a Ray cluster. Raises UsageError, and EnvironmentMissing without Ray."""
    if settings.split and engine != opt.Engine.local:
        raise UsageError("--split: only with --engine local")
    from align3d_cli.running.batch import Batch

    if engine == opt.Engine.local and ray_address is None:
        return Batch(settings)
    if engine == opt.Engine.local:
        raise UsageError("--ray-address: only with --engine ray")
    from align3d_cli.running.cluster_batch import ClusterBatch

    return ClusterBatch(settings, ray_address)


def _score_to_stdout(batch: "Batch | ClusterBatch", part: Any, kind: str, quiet: bool) -> "list[Outcome]":
    """Score the only part of a call with `--out -`: its heat map goes to stdout, its line to stderr."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"heatmap.{kind}"
        outcomes = []
        for found in batch.outcomes([replace(part, output=file)]):
            outcomes.append(
                replace(found, result=found.result | {"output": "-"} if found.failure is None else found.result)
            )
            _say(outcomes[-1], lone=True, quiet=quiet)
            if found.failure is None:
                output.result_bytes(file.read_bytes())
                output.info(result_line(outcomes[-1].result))
    return outcomes


def _score_all(
    found_ones: "Iterator[Outcome]", parts: list, *, json: bool, jsonl: bool, quiet: bool
) -> "list[Outcome]":
    """Score the parts in order and print each outcome; returns them all."""
    width, lone = max(len(part.name) for part in parts), len(parts) == 1
    outcomes = []
    with output.progress("scoring", len(parts), between_lines=not json) as advance:
        for found in found_ones:
            outcomes.append(found)
            if jsonl:
                output.result_json(found.result)
            _say(found, lone=lone, quiet=quiet)
            if found.failure is None and not (json or jsonl):
                output.result(result_line(found.result, width))
            advance(1)
    lone = lone and len(outcomes) == 1
    if json:
        results = [found.result for found in outcomes]
        output.result_json(results[0] if lone else results, indent=2)
    if not lone and not quiet:
        output.info(summary(outcomes))
    return outcomes


def _say(found: "Outcome", *, lone: bool, quiet: bool) -> None:
    """On stderr: what was doubtful about a part, or why it failed (of a lone part the program's own end says it)."""
    if found.failure is None:
        for note in () if quiet else (*found.result["notes"], *found.result["doubts"]):
            output.info(f"note: {found.result['input']}: {note}")
        return
    if found.failure.details:
        output.info(found.failure.details)
    if not lone:
        output.error(found.failure.error)


def _exceeds(result: dict[str, Any], fail_above: float | None) -> bool:
    if result["decision"] is not None:
        return result["verdict"] == "defective"
    return fail_above is not None and result["score"] > fail_above


def _write_tables(report: Path | None, regions: Path | None, outcomes: "list[Outcome]", force: bool) -> None:
    """The page and the table of regions of all parts, where they are asked for."""
    from align3d_cli.helpers.files import write_bytes

    if report is not None:
        from align3d_cli.report.html import html_page

        pages = [found.page for found in outcomes if found.page is not None]
        failures = [found.result for found in outcomes if found.failure is not None]
        write_bytes(report, html_page(report.stem, pages, failures).encode(errors="replace"), force=force)
    if regions is not None:
        from align3d_cli.report.region_rows import region_csv

        write_bytes(regions, region_csv(found.result for found in outcomes).encode(errors="replace"), force=force)


def _end(outcomes: "list[Outcome]", fail_above: float | None) -> None:
    """Leave with the call's exit code. A failed part weighs more than an exceeded limit: the batch is incomplete."""
    failed = [found.failure for found in outcomes if found.failure is not None]
    if failed and len(outcomes) == 1:
        raise failed[0].error
    if any(failure.error.kind == "internal" for failure in failed):
        raise typer.Exit(1)
    if failed:
        raise BatchFailures(f"{len(failed)} of {len(outcomes)} parts could not be scored")
    if any(_exceeds(found.result, fail_above) for found in outcomes):
        raise typer.Exit(EXCEEDED)
