"""What stands under a table so that it cannot mislead: protocol, gaps, failures, what published numbers are."""

import numpy as np

from align3d_cli.datasets.settings import GENERATED
from align3d_cli.evaluation.published import WHOLE, published_for
from align3d_cli.evaluation.runlog import RunRecord
from align3d_cli.evaluation.table_ladder import ladder_notes
from align3d_cli.evaluation.table_limits import limit_notes
from align3d_cli.model.calibration import Calibration

INCOMPLETE = "INCOMPLETE"  # how the note of a run that is not finished begins
GENERATED_NOTE = (
    "These scans are generated, by the program that also made the default model's training scans: the shapes' families "
    "are held out, the kinds of defects and the virtual sensors are not. Figures on real scans will differ."
)


def notes_of(record: RunRecord, pixels: set[str], kinds: set[str]) -> list[str]:
    """Notes in plain words. pixels: ways of counting that have rows; kinds: of defects that have rows."""
    settings = record.settings
    notes = [record.plan["statement"]] if record.plan.get("statement") else []
    if settings["data_set"] == GENERATED:
        notes.append(GENERATED_NOTE)
    notes += [*_gaps(record), *record.plan.get("notes", [])]
    drawn = any(arm["seed"] is not None for arm in record.plan.get("arms", []))
    if len(settings["seeds"]) > 1 and not drawn:
        notes.append("--seeds change nothing here: a given model on given files draws nothing")
    if settings["limit"] and settings["auxiliary"]:
        notes.append("--limit held for the training scans too")
    if "colors" in kinds:
        notes.append("`colors` defects leave no trace in the geometry; means hold them, their own row shows them apart")
    return [
        *notes,
        *_verdicts(record),
        *ladder_notes(record),
        *limit_notes(record),
        *_beside_published(record),
        *_paper(record, pixels),
    ]


def _gaps(record: RunRecord) -> list[str]:
    """What is not in the log, or not yet."""
    planned, found = record.plan.get("n_lines", 0), len(record.scans)
    notes = [f"failed and not counted: {failure['sample']} ({failure['reason']})" for failure in record.failures]
    if not record.plan:
        notes.insert(0, f"{INCOMPLETE}: nothing is in the log yet; run again to go on")
    elif found < planned:
        notes.insert(0, f"{INCOMPLETE}: {found} of {planned} results are in the log; run again to go on")
    return notes


def _verdicts(record: RunRecord) -> list[str]:
    """What a calibrated model's own threshold makes of these scans."""
    model = record.plan.get("model") or {}
    calibration = Calibration(**model.get("calibration", {}))
    if calibration.threshold is None or calibration.false_alarm_rate is None:
        return []
    method = model["method"]
    mine = (line for line in record.scans if line["arm"]["sha256"] == model["sha256"])
    lines = [line for line in mine if method in line["object_scores"]]
    if not lines:
        return []
    counted = []
    for anomalous in (False, True):
        raw = np.array([line["object_scores"][method] for line in lines if line["anomalous"] == anomalous])
        counted.append(f"{np.sum(calibration.score(raw) > calibration.threshold)} of {len(raw)}")
    rate = f"{100 * calibration.false_alarm_rate:.0f} % false alarms in its calibration"
    said = f"{method} calls {counted[0]} good and {counted[1]} defective scans defective"
    return [f"at the default threshold {calibration.threshold:.3f} ({rate}) {said}"]


def _beside_published(record: RunRecord) -> list[str]:
    """How far published numbers can be compared with these."""
    settings = record.settings
    if not published_for(settings["data_set"], settings["protocol"]):
        return []
    notes, whole = [], WHOLE.get(settings["data_set"], 0)
    if settings["limit"] or len(record.plan.get("categories", [])) < whole:
        of = f"all {whole} categories" if whole else "the whole data set"
        notes.append(f"only a part of the data set was scored; published numbers are of {of}")
    if settings["protocol"] == "zero-shot":
        notes.append("published numbers are of models trained on the data sets their protocol names; not this one's")
    return [*notes, "published numbers are the papers' own; their point metrics count `paper` pixels"]


def _paper(record: RunRecord, pixels: set[str]) -> list[str]:
    if pixels and "paper" not in pixels:
        return ["no `paper` columns: none of these scans is organised, there are no pixels to count"]
    if all(line["organised"] for line in record.scans):
        return []
    return ["`paper` columns count the organised scans only; the others have no pixels"]
