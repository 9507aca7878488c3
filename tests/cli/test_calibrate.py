"""`align3d calibrate` on a folder of small scans: the threshold holds what it says, and nothing is half-written."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from align3d_cli.io.read import read_scan
from align3d_cli.model.bundle import load_bundle, save_bundle
from align3d_cli.model.inspector import Inspector

pytestmark = pytest.mark.slow  # each test starts programs

N_GOOD, N_DENTED = 12, 4


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    """own/{good,dent}: bumpy balls of 1500 points, each its own draw; some of them with a flat."""
    folder = tmp_path_factory.mktemp("scans")
    for kind, count in (("good", N_GOOD), ("dent", N_DENTED)):
        (folder / "own" / kind).mkdir(parents=True)
        for number in range(count):
            rng = np.random.default_rng([number, kind == "dent"])
            xyz = rng.normal(size=(1500, 3))
            xyz *= (1 + rng.normal(0, 0.02, (1500, 1))) / np.linalg.norm(xyz, axis=1, keepdims=True)
            if kind == "dent":
                xyz[:, 2] = np.minimum(xyz[:, 2], 0.7)
            np.savetxt(folder / "own" / kind / f"{number:03d}.xyz", xyz)
    return folder


@pytest.fixture(scope="module")
def good(scans, tmp_path_factory) -> Path:
    """A data set of the good scans alone."""
    folder = tmp_path_factory.mktemp("good")
    (folder / "own").mkdir()
    (folder / "own" / "good").symlink_to(scans / "own" / "good")
    return folder


def calibrated(align3d, good: Path, model: Path, folder: Path, setting: str, values: tuple) -> list:
    """The calibration with each value of a setting of the model's scoring, which the copy must hold."""
    found = []
    for value in values:
        out = folder / f"{value}.safetensors"
        option = f"--{setting.replace('_', '-')}"
        run = align3d("calibrate", "--root", good, "--model", model, option, str(value), "--out", out)
        assert run.code == 0, run.err
        bundle = load_bundle(out)
        assert getattr(bundle.scoring, setting) == float(value)
        found.append(bundle.calibration)
    return found


def test_the_threshold_has_the_stated_false_alarm_rate(align3d, model, good, tmp_path):
    """Scored with the new model, as many good scans lie above its threshold as it says, and no more than allowed."""
    out = tmp_path / "mine.safetensors"
    run = align3d("calibrate", "--root", good, "--model", model, "--false-alarm-rate", "0.2", "--out", out)
    assert (run.code, run.err) == (0, "")
    bundle = load_bundle(out)
    inspector = Inspector(bundle)
    scores = [inspector.inspect(read_scan(path)).score for path in sorted((good / "own" / "good").iterdir())]
    above = np.mean(np.array(scores) > bundle.calibration.threshold)
    assert above == pytest.approx(bundle.calibration.false_alarm_rate) == 1 / N_GOOD
    told = "threshold {:.3f} aims at 20 % false alarms among good parts, 1 of 12 lie above it, which allows 2 to 38 %"
    assert told.format(bundle.calibration.threshold) in run.out


def test_a_share_of_the_level_taken_off_lowers_the_colours_and_nothing_else(align3d, model, good, tmp_path):
    """It is stored in the copy; points at or below it count as 0, and object scores do not feel it."""
    plain, above = calibrated(align3d, good, model, tmp_path, "level_share", (0, 1))
    assert above.threshold == plain.threshold
    assert 0 < above.colour_low < plain.colour_low and above.colour_high < plain.colour_high


def test_the_weight_of_the_wider_share_is_stored_and_changes_scores_alone(align3d, model, good, tmp_path):
    """Object scores fall with it, since a wider share holds lower points; colours are of points and stay."""
    bundle = load_bundle(model)
    scoring = replace(bundle.scoring, object_form="top", top_share=0.003)
    save_bundle(tmp_path / "model.safetensors", replace(bundle, scoring=scoring))
    top, wide = calibrated(align3d, good, tmp_path / "model.safetensors", tmp_path, "wide_weight", (0, 1))
    assert wide.threshold < top.threshold and (wide.colour_low, wide.colour_high) == (top.colour_low, top.colour_high)


def test_a_higher_power_of_the_mean_over_views_is_stored_and_raises_every_score(align3d, model, good, tmp_path):
    """A power mean grows with its power, so threshold and colours of the same scans do."""
    plain, squared = calibrated(align3d, good, model, tmp_path, "view_power", (1, 2))
    assert squared.threshold >= plain.threshold  # with the six digits of results, too few for this small model
    assert squared.colour_high > plain.colour_high


def test_defective_scans_that_score_no_higher_are_left_out(align3d, model, scans, tmp_path):
    """A model that sees the dents gets a rising score and a record; of one that takes dents for good the good scans
    alone set the limits, the score scale stays and a warning says so.

    The object score is the mean of the map, which exchanged prompts turn around.
    """
    seen = {}
    bundle = load_bundle(model)
    bundle = replace(bundle, scoring=replace(bundle.scoring, object_form="top", top_share=1.0))
    turned = replace(bundle, tensors=bundle.tensors | {"text.rendering": bundle.tensors["text.rendering"].flip(0)})
    for name, this in (("as is", bundle), ("turned", turned)):
        save_bundle(tmp_path / "model.safetensors", this)
        out = tmp_path / f"{name}.safetensors"
        arguments = ["--root", scans, "--model", tmp_path / "model.safetensors", "--out", out, "--json"]
        run = align3d("calibrate", *arguments, "--false-alarm-rate", "0.2")
        assert run.code == 0, run.err
        seen["defective scans score no higher" in run.err] = run, out
    assert seen.keys() == {False, True}
    told, blind = json.loads(seen[True][0].out), load_bundle(seen[True][1])
    assert (told["good"], told["defective"]) == (N_GOOD, 0) and blind.record["calibrate"]["defective"] == 0
    assert (blind.calibration.slope, blind.calibration.offset) == (bundle.calibration.slope, bundle.calibration.offset)
    assert blind.calibration.threshold is not None and blind.calibration.false_alarm_rate <= 0.2
    run, bundle = seen[False][0], load_bundle(seen[False][1])
    assert bundle.calibration.slope > 0
    told = json.loads(run.out)
    assert (told["good"], told["defective"]) == (N_GOOD, N_DENTED)
    assert told["threshold"] == bundle.calibration.threshold
    record = bundle.record["calibrate"]
    assert (record["data"], record["good"], record["defective"]) == ("folder", N_GOOD, N_DENTED)


@pytest.mark.parametrize("n", [0, 4])
def test_too_few_good_scans_are_refused_before_any_is_read(align3d, model, scans, tmp_path, n):
    """Without five good scans there is no threshold: exit 4, one line, no model."""
    folder = tmp_path / "root" / "own"
    (folder / "good").mkdir(parents=True)
    (folder / "dent").symlink_to(scans / "own" / "dent")
    for number in range(n):
        (folder / "good" / f"{number}.xyz").write_text("never read")
    run = align3d("calibrate", "--root", tmp_path / "root", "--model", model, "--out", tmp_path / "mine.safetensors")
    assert run.code == 4, run.err
    assert run.err == f"error: {tmp_path / 'root'}: {n} good scans in it, at least 5 are needed; put more into good/\n"
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_a_rate_that_so_few_scans_cannot_show_is_warned_of(align3d, model, good, tmp_path):
    """Twelve scans hold no rate of one in a hundred; the model is written, and the warning says so."""
    out = tmp_path / "mine.safetensors"
    run = align3d("calibrate", "--root", good, "--model", model, "--false-alarm-rate", "0.01", "--out", out)
    assert run.code == 0
    assert run.err.startswith("warning: 12 good scans cannot show a false-alarm rate of 0.01")


def test_a_model_that_is_there_is_kept_unless_forced(align3d, model, good, tmp_path):
    """Without --force the file stays as it is and no scan is read; with it the new model takes its place, whole."""
    out = tmp_path / "mine.safetensors"
    out.write_bytes(b"mine")
    arguments = ["calibrate", "--root", good, "--model", model, "--false-alarm-rate", "0.2", "--out", out]
    refused = align3d(*arguments)
    assert refused.code == 2 and "--force" in refused.err
    assert out.read_bytes() == b"mine"
    forced = align3d(*arguments, "--force")
    assert forced.code == 0, forced.err
    assert load_bundle(out).calibration.false_alarm_rate <= 0.2
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_bad_scan_stops_the_calibration_and_leaves_what_was_there(align3d, model, scans, tmp_path):
    """A threshold from half of the scans would be wrong: exit 4 names the scan, the old model stays."""
    folder = tmp_path / "root" / "own" / "good"
    folder.mkdir(parents=True)
    for path in sorted((scans / "own" / "good").iterdir()):
        (folder / path.name).symlink_to(path)
    (folder / "zzz.ply").write_bytes(b"ply\n")
    out = tmp_path / "mine.safetensors"
    out.write_bytes(b"mine")
    run = align3d("calibrate", "--root", tmp_path / "root", "--model", model, "--out", out, "--force")
    assert run.code == 4
    assert run.err.splitlines()[-1].startswith(f"error: {folder / 'zzz.ply'}: ")
    assert out.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == [out.name, "root"]


def test_five_good_parts_are_enough_to_begin_with(align3d, model, scans, tmp_path):
    """Named one by one: the threshold lies above them all, the interval is as wide as five parts make it, a note says
    how many would show the rate, and the model keeps what the five are like."""
    out, five = tmp_path / "line3.safetensors", sorted((scans / "own" / "good").iterdir())[:5]
    run = align3d("calibrate", *five, "--model", model, "--out", out, "--json")
    assert run.code == 0 and "5 good scans cannot show a false-alarm rate of 0.05, 19 can" in run.err
    told = json.loads(run.out)
    assert (told["good"], told["alarms"], told["aim"], told["expected"]) == (5, 0, 0.05, 0.05)
    assert told["interval"] == pytest.approx([0.0, 0.5218], abs=1e-4)
    kept = load_bundle(out).record["calibrate"]["traits"]
    assert [one["points"] for one in kept] == [1500] * 5 and max(one["score"] for one in kept) < told["threshold"]
    assert told["colour_low"] < told["colour_high"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["{good}/000.xyz"], 4, "good parts: 1 good scans in it, at least 5 are needed; name more"),
        (["{good}", "none.xyz"], 4, "none.xyz: no such file; check the path"),
        ([], 2, "no scan is named; name good parts, or with --root the folder of a data set"),
        (["{good}", "--out", "m.txt"], 2, "--out m.txt: names no model; let it end with .safetensors"),
        (["{good}", "{good}/000.xyz"], 4, "000.xyz: is named twice; name every good part once"),
        (["{good}", "{twin}"], 4, "twin.xyz: is the same scan as {good}/000.xyz; name every good part once"),
        (["{good}", "--root", "{good}"], 2, "--root: is of data sets, and good parts are named; give one of them"),
        (["{good}", "--dataset", "synthetic"], 2, "--dataset: is of data sets"),
    ],
)
def test_named_good_parts_that_cannot_be_used(align3d, model, scans, tmp_path, words, code, said):
    """Too few, one that is not there, none, one of them twice, by name or by content, a data set beside them, and a
    name by which no model would be found again: one line, no model."""
    good, twin = scans / "own" / "good", tmp_path / "twin.xyz"
    twin.write_bytes((good / "000.xyz").read_bytes())
    words = [word.format(good=good, twin=twin) for word in words]
    run = align3d("calibrate", "--model", model, "--out", tmp_path / "m.safetensors", *words, ALIGN3D_DATA="")
    assert run.code == code and said.format(good=good) in run.err.splitlines()[-1], run.err
    assert not (tmp_path / "m.safetensors").exists()
