"""Options of `align3d score` that contradict each other, found before anything is read."""

import os
from typing import TYPE_CHECKING

from align3d_cli.cli.options import check_folder, check_suffix, check_views, refuse_overwriting
from align3d_cli.cli.score_call import ScoreCall
from align3d_cli.errors import UsageError

if TYPE_CHECKING:
    from align3d_cli.running.inputs import Part

TABLES = {"--report": "HTML", "--junit": "XML", "--csv": "CSV", "--regions": "CSV"}  # what each is written as


def check_call(call: ScoreCall) -> None:
    """Raise UsageError for options that contradict each other."""
    _check_outputs(call)
    _check_tables(call)
    if call.fail_above is not None and call.rules is not None:
        step = f'write reject = "score > {call.fail_above:g}" into the rules'
        raise UsageError(f"--fail-above and --rules: give one; {step}")
    _check_resume(call)
    _check_watch(call)
    _check_known(call)
    check_views(call.views)


def _check_outputs(call: ScoreCall) -> None:
    if call.out is not None and call.out_dir is not None:
        raise UsageError("--out and --out-dir: give one, --out for a single part, --out-dir for many")
    check_folder("--out-dir", call.out_dir)
    if call.json and call.jsonl:
        raise UsageError("--json and --jsonl: give one, --jsonl for many parts")
    if call.to_stdout and (call.json or call.jsonl):
        raise UsageError("--out -: standard output carries the heat map, so no JSON can be printed there; name a file")
    if call.to_stdout and call.format is None:
        raise UsageError("--out -: needs --format")


def _check_tables(call: ScoreCall) -> None:
    """Tables must be called what they are, and each must have a file of its own that is no scan."""
    for option, path in call.tables.items():
        check_suffix(option, path, TABLES[option])
    if call.report_points is not None and call.report is None:
        raise UsageError("--report-points: needs --report, the page whose points it counts")
    for one, other in call.same_files():
        raise UsageError(f"{one} and {other}: name one file; give the two different names")


def check_free_files(call: ScoreCall, parts: "list[Part]") -> None:
    """Raise UsageError for files that are there and may not be replaced, and for places that take none.

    --resume may go on with heat maps, which the record knows, and renews its tables.
    """
    from align3d_cli.helpers.files import check_free

    force = call.force or call.resume
    refuse_overwriting([part.output for part in parts], force=force)
    scans = {os.path.realpath(part.name) for part in parts}
    for option, path in call.tables.items():
        if os.path.realpath(path) in scans:
            raise UsageError(f"{option} {path}: is one of the scans; name another file")
        check_free(path, force=force)
    if call.out is not None and not call.to_stdout:
        check_free(call.out, force=force)


def _check_known(call: ScoreCall) -> None:
    """Things known beside the scan may not contradict each other or the inputs."""
    known = {"--good": call.good, "--reference": call.reference is not None, "--among": call.among}
    given = [option for option, is_given in known.items() if is_given]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]}: give one, what is known best: --reference, --good, --among")
    reference = call.reference
    if reference is not None and (reference == "-" or os.path.isdir(reference)):
        raise UsageError(f"--reference {reference}: is no file; name the one part or CAD model that parts must lie on")
    if call.among and "-" in call.inputs:
        raise UsageError("--among and -: standard input can be read once only; name files or folders")
    if call.among and call.split:
        raise UsageError("--among and --split: give one; --among compares whole scans")
    if call.among and call.engine != "local":
        raise UsageError("--among: only with --engine local")


def _check_resume(call: ScoreCall) -> None:
    if not call.resume:
        return
    if call.out_dir is None:
        raise UsageError("--resume: needs --out-dir, the folder to go on in")
    against = {"--force": call.force, "--split": call.split, "--among": call.among}
    for option in (name for name, given in against.items() if given):
        raise UsageError(f"--resume and {option}: give one; {option} needs every part scored")


def _check_watch(call: ScoreCall) -> None:
    """Only what can be said of one part after the other goes with --watch, whose inputs are folders."""
    if not call.watch:
        return
    ending = {**call.tables, "--json": call.json, "--out": call.out, "--resume": call.resume, "--among": call.among}
    for option in (name for name, given in ending.items() if given):
        raise UsageError(f"--watch and {option}: give one; a watch has no end at which {option} could be done")
    if call.engine != "local":
        raise UsageError("--watch: only with --engine local")
    for name in call.inputs:
        if not os.path.isdir(name):
            raise UsageError(f"--watch {name}: is no folder; name the folder that scans arrive in")
