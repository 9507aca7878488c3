"""`align3d calibrate`: set a model's threshold and colours on scans whose state is known."""

from pathlib import Path

import typer

from align3d_cli.cli.options import examples, finite

LEAST_GOOD = 10  # good scans; the highest of ten lies above 9 % of good parts on average

EXAMPLES = examples(
    "align3d calibrate --root parts/ --out mine.safetensors",
    "align3d calibrate --model model.safetensors --dataset synthetic --limit 20 --out calibrated.safetensors",
)


def register(app: typer.Typer) -> None:
    app.command("calibrate", epilog=EXAMPLES)(calibrate)


def _of_the_model(says: str, least: float = 0.0, most: float = 1.0):
    """An option that changes a setting of the model's scoring, or leaves it."""
    return typer.Option(None, min=least, max=most, callback=finite, help=f"{says}; default: the model's own.")


def calibrate(
    out: Path = typer.Option(..., "--out", help="The calibrated model to write (.safetensors)."),
    model: str = typer.Option("align3d-lite", help="Name or path of the model."),
    dataset: str = typer.Option("folder", help="folder, synthetic, or a data set of `align3d benchmark`."),
    root: Path | None = typer.Option(None, help="Its folder: good/ in it and, if you have them, folders of defects."),
    limit: int | None = typer.Option(None, min=1, help="At most so many scans a category."),
    false_alarm_rate: float = typer.Option(
        0.05, min=0.0, max=1.0, callback=finite, help="Share of good scans above the threshold."
    ),
    level_share: float | None = _of_the_model("Share of a scan's median point score that is taken off its map"),
    wide_weight: float | None = _of_the_model("Weight of the highest tenth of a scan's points in its object score"),
    view_power: float | None = _of_the_model("Power of the mean over the views that see a point", 1.0, 8.0),
    device: str = typer.Option("auto", help="auto, cpu or cuda."),
    as_json: bool = typer.Option(False, "--json", help="Print the calibration as JSON."),
    force: bool = typer.Option(False, "--force", help="Overwrite --out."),
) -> None:
    """Score scans whose state is known and store threshold, score scale and colour limits in a copy of the model.

    Good scans alone set the threshold and the colours; with defective ones the score becomes probability-like too.
    """
    from dataclasses import asdict, replace

    from align3d_cli.cli import output
    from align3d_cli.clouds.prepare import prepare
    from align3d_cli.datasets.registry import open_dataset
    from align3d_cli.errors import InputRejected
    from align3d_cli.helpers.files import check_free
    from align3d_cli.model import calibration_fit as room
    from align3d_cli.model.bundle import load_bundle, save_bundle
    from align3d_cli.model.device import resolve_device
    from align3d_cli.model.inspector import Inspector

    check_free(out, force=force)
    bundle = load_bundle(model)
    asked = {"level_share": level_share, "wide_weight": wide_weight, "view_power": view_power}
    given = {name: value for name, value in asked.items() if value is not None}
    bundle = replace(bundle, scoring=replace(bundle.scoring, **given))
    inspector = Inspector(bundle, resolve_device(device))
    samples = open_dataset(dataset, root, limit=limit)
    _check_enough(samples, root or dataset, false_alarm_rate)
    good, defective, points = [], [], []
    with output.progress("calibrate", len(samples)) as advance:
        for sample in samples:
            of_points, raw = inspector.score_part(prepare(sample.load().cloud))
            (defective if sample.anomalous else good).append(raw)
            if not sample.anomalous:
                points.append(of_points)
            advance(1)
    from numpy import array, concatenate, mean

    if defective and mean(defective) <= mean(good):
        finding = "its defective scans score no higher than the good ones"
        raise InputRejected(f"{root or dataset}: {finding}; check its folders, or calibrate on good/ alone")
    result = room.calibrate(array(good), array(defective), concatenate(points), false_alarm_rate, bundle.calibration)
    record = bundle.record | {"calibrate": {"data": dataset, "good": len(good), "defective": len(defective)}}
    save_bundle(out, replace(bundle, calibration=result, record=record))
    if as_json:
        output.result_json({"out": str(out), "good": len(good), "defective": len(defective)} | asdict(result))
    else:
        alarms = f"{100 * result.false_alarm_rate:.1f} % of {len(good)} good scans above"
        output.result(f"{out}: threshold {result.threshold:.3f} ({alarms}), {len(defective)} defective scans")


def _check_enough(samples, name: object, false_alarm_rate: float) -> None:
    """Raise InputRejected for too few good scans; warn when they cannot show a rate as small as that."""
    from align3d_cli.cli import output
    from align3d_cli.errors import InputRejected

    good = sum(not sample.anomalous for sample in samples)
    if good < LEAST_GOOD:
        raise InputRejected(f"{name}: {good} good scans in it, at least {LEAST_GOOD} are needed; put more into good/")
    if 0 < false_alarm_rate * good < 1:
        output.warn(
            f"{good} good scans cannot show a false-alarm rate of {false_alarm_rate:g}; the highest is the limit"
        )
