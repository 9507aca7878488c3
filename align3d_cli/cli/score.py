"""`align3d score`: an anomaly score for every point of every scan, and one for each scan."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from align3d_cli.cli import output
from align3d_cli.cli.call import taking
from align3d_cli.cli.options import examples
from align3d_cli.cli.score_call import ScoreCall
from align3d_cli.cli.score_checks import check_call, check_free_files
from align3d_cli.cli.score_config import PREFIX, config_text
from align3d_cli.cli.score_drift import compared, say_drift
from align3d_cli.cli.score_lines import result_line, summary
from align3d_cli.cli.score_options import Engine
from align3d_cli.cli.score_tables import write_tables
from align3d_cli.errors import BatchFailures, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from align3d_cli.running.batch import Batch, BatchSettings, Outcome
    from align3d_cli.running.cluster_batch import ClusterBatch
    from align3d_cli.running.inputs import Part
    from align3d_cli.running.record import Record

EXCEEDED = 3  # exit code: done, and a part lies above --fail-above, or --rules reject it


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command(
        "score",
        context_settings={"auto_envvar_prefix": PREFIX},
        epilog=examples(
            "align3d score part.ply --out heatmap.ply",
            "align3d score part.stl --out report.html --json",
            "align3d score xyz/000.tiff --out map.tiff --fail-above 0.6",
            "align3d score parts/ --out-dir heat/ --report report.html --jsonl > scores.jsonl",
            "align3d score parts/ --regions regions.csv --rules line3.toml",
            "align3d score parts/ --junit parts.xml --csv parts.csv --fail-above 0.7",
            "align3d score incoming/ --watch --out-dir heat/ --quiet >> scores.jsonl",
            "align3d score parts/ --config align3d.toml --print-config",
            "align3d score parts/ --out-dir heat/ --resume",
            "align3d score part.ply --good good/ --out heatmap.ply",
            "align3d score part.ply --reference nominal.stl --out heatmap.ply",
            "align3d score parts/ --among --out-dir heat/",
            "align3d score parts/ --out-dir heat/ --engine ray --ray-address auto",
            "cat part.ply | align3d score - --input-format ply --json",
            "Exit codes: 0 done, 2 usage, 3 a part exceeds --fail-above or breaks a rule, 4 input rejected, 5 model or "
            "device missing, 6 some parts of a batch failed (also when others exceed the limit).",
        ),
    )(taking(ScoreCall, score))


def score(call: ScoreCall) -> None:
    """Score scans: an anomaly score for every point, a heat map, and a verdict on the part."""
    from align3d_cli.running.inputs import find_parts, with_named_output
    from align3d_cli.running.record import outcomes as recorded
    from align3d_cli.running.record import record_of

    check_call(call)
    if call.print_config:
        output.result(config_text(call.context, _of_model(call)))
        return
    if call.watch:
        _watch(call)
        return
    found = find_parts(call.inputs, avoid=call.out_dir)
    parts, kind = with_named_output(found.parts, call.out, call.out_dir, call.format)
    check_free_files(call, parts)
    if found.left_out and not call.quiet:
        output.info(f"note: {len(found.left_out)} .txt files of the folders are left out; name them to score them")
    settings = _settings(call, kind, len(parts))
    batch = _batch(settings, call)
    record = None if call.out_dir is None else record_of(call.out_dir, settings)
    kept = _kept(record, parts, call.quiet) if record is not None and call.resume else {}
    if call.to_stdout:
        outcomes = _score_to_stdout(batch, parts[0], kind, call.quiet)
    else:
        found_ones = recorded(batch, parts, record, kept)
        outcomes = _score_all(compared(call, found_ones, lambda seen: len(seen) == len(parts)), parts, call)
    write_tables(call, outcomes)
    _end(outcomes, call.fail_above)


def _watch(call: ScoreCall) -> None:
    """Score what arrives until somebody interrupts; a part that fails is a line like the others."""
    from align3d_cli.running.drift import WATCHED
    from align3d_cli.running.inputs import with_named_output
    from align3d_cli.running.watch import arrivals

    kind = call.format or "ply"
    batch = _batch(_settings(call, kind, 1), call)
    parts = (
        with_named_output([part], None, call.out_dir, kind)[0] for part in arrivals(call.inputs, avoid=call.out_dir)
    )
    outcomes = (found for part in parts for found in batch.outcomes(part))
    for found in compared(call, outcomes, lambda seen: len(seen) == WATCHED):
        output.result_json(found.result)
        _say(found, lone=False, quiet=call.quiet)


def _of_model(call: ScoreCall) -> dict[str, str]:
    """What the model says where the call says nothing, by option. Raises EnvironmentMissing without the model."""
    from align3d_cli.report.result import limit_text
    from align3d_cli.running.model import Model

    model = Model(call.model, device="cpu", views=call.views)
    views = model.inspector.bundle.views
    known = call.good or call.reference or call.among
    limit = "of the good parts" if known else limit_text(model.facts.calibration.threshold)
    return {"views": f"{views.count} views, {views.preset}"} | ({} if call.rules else {"fail_above": f"limit {limit}"})


def _settings(call: ScoreCall, kind: str, parts: int) -> "BatchSettings":
    """What the call says about all its parts. kind: format of the heat maps; parts: how many."""
    from align3d_cli.regions.rules_file import read_rules
    from align3d_cli.running.batch import BatchSettings
    from align3d_cli.running.inputs import known_scans, stream_format

    return BatchSettings(
        model=call.model,
        device=call.device,
        views=call.views,
        background=call.background,
        threshold=call.fail_above,
        seed=call.seed,
        input_format=call.input_format or stream_format(call.inputs, call.format),
        focal_px=call.focal,
        columns=call.columns,
        keep_marks=call.keep_marks,
        unit=call.unit,
        split=call.split,
        rules=None if call.rules is None else read_rules(call.rules),
        good=known_scans(call.good or []),
        reference=call.reference,
        among=call.among,
        format=kind,
        force=call.force or call.resume,  # what may not be replaced, the record refuses
        pages=call.report is not None,
        page_parts=parts,
        page_points=call.report_points,
    )


def _kept(record: "Record", parts: "list[Part]", quiet: bool) -> "dict[Path, Outcome]":
    """The outcomes that a call before this one left, by heat map."""
    kept = record.kept(parts)
    if kept and not quiet:
        output.info(f"note: {len(kept)} of {len(parts)} parts are scored already and kept")
    return kept


def _batch(settings: "BatchSettings", call: ScoreCall) -> "Batch | ClusterBatch":
    """What scores the parts: this process, or a Ray cluster. Raises UsageError, and EnvironmentMissing without Ray."""
    if call.split and call.engine != Engine.local:
        raise UsageError("--split: only with --engine local")
    from align3d_cli.running.batch import Batch

    if call.engine == Engine.local and call.ray_address is None:
        return Batch(settings)
    if call.engine == Engine.local:
        raise UsageError("--ray-address: only with --engine ray")
    from align3d_cli.running.cluster_batch import ClusterBatch

    return ClusterBatch(settings, call.ray_address)


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


def _score_all(found_ones: "Iterator[Outcome]", parts: "list[Part]", call: ScoreCall) -> "list[Outcome]":
    """Score the parts in order and print each outcome; returns them all."""
    width, lone = max(len(part.name) for part in parts), len(parts) == 1
    outcomes = []
    with output.progress("scoring", len(parts), between_lines=not call.json) as advance:
        for found in found_ones:
            outcomes.append(found)
            if call.jsonl:
                output.result_json(found.result)
            _say(found, lone=lone, quiet=call.quiet)
            if found.failure is None and not (call.json or call.jsonl):
                output.result(result_line(found.result, width))
            advance(1)
    lone = lone and len(outcomes) == 1
    if call.json:
        results = [found.result for found in outcomes]
        output.result_json(results[0] if lone else results, indent=2)
    if not lone and not call.quiet:
        output.info(summary(outcomes))
    return outcomes


def _say(found: "Outcome", *, lone: bool, quiet: bool) -> None:
    """On stderr: what was doubtful about a part, or why it failed (of a lone part the program's own end says it), and
    what has moved among the parts that end with it."""
    say_drift(found)
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
