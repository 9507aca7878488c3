"""`align3d align` and `prompt-train` as programs: a folder of coloured scans in, a model out that `score` takes."""

import json
import tomllib
from pathlib import Path

import pytest

from .plates import write_folder

pytestmark = pytest.mark.slow  # each test starts programs


@pytest.fixture(scope="module")
def trained(align3d, clip_model, tmp_path_factory):
    """Both stages run on one folder with one store; the folder of the run and both results."""
    place = tmp_path_factory.mktemp("trained")
    data = write_folder(place / "plates")
    common = ("--dataset", "folder", "--root", data, "--store", place / "store", "--epochs", "3", "--json")
    first = align3d("align", *common, "--model", clip_model, "--out", place / "aligner.safetensors")
    second = align3d(
        "prompt-train", *common, "--aligner", place / "aligner.safetensors", "--out", place / "model.safetensors"
    )
    assert (first.code, second.code) == (0, 0), first.err + second.err
    return place, json.loads(first.out), json.loads(second.out)


def test_both_stages_write_models_and_say_what_they_learned_from(trained):
    """The results name the samples, the figures and the protocol; both models keep that record."""
    from align3d_cli.model.bundle import load_bundle

    place, first, second = trained
    for result in (first, second):
        assert result["data"]["n_samples"] == 4 and result["data"]["n_anomalous"] == 2
        assert result["complete"] and result["epochs_done"] == 3
        assert "test split of the auxiliary categories" in result["protocol"]
        assert result["seconds"] > 0
    assert load_bundle(place / "aligner.safetensors").branches == ()
    model = load_bundle(place / "model.safetensors")
    assert model.branches == ("rendering", "rgb") and model.sha256 == second["sha256"]
    assert model.record["align"]["metrics"] == first["metrics"]
    assert "seconds" not in model.record["align"] | model.record["prompt_train"]
    assert model.record["prompt_train"]["losses"]["rgb_points"] == second["losses"]["rgb_points"]


def test_the_second_stage_reads_the_features_of_the_first(trained):
    """One store, one file a sample; each stage keeps its checkpoint and one line of losses an epoch."""
    place, first, second = trained
    assert first["features"] == second["features"]
    assert len(list((place / "store" / "samples").iterdir())) == 4
    for result in (first, second):
        lines = [json.loads(line) for line in Path(result["log"]).read_text().splitlines()]
        assert [line["epoch"] for line in lines] == [1, 2, 3] and lines[-1] == result["losses"]


def test_keep_best_names_the_epoch_that_was_rated_highest(trained, align3d):
    """Every line of the log has a rating in [0, 1]; result and model name the epoch of the highest."""
    from align3d_cli.model.bundle import load_bundle

    place, out = trained[0], trained[0] / "best.safetensors"
    run = align3d(
        "prompt-train", "--dataset", "folder", "--root", place / "plates", "--store", place / "store", "--epochs", "3",
        "--aligner", place / "aligner.safetensors", "--keep-best", "--json", "--out", out,
    )  # fmt: skip
    assert run.code == 0, run.err
    result = json.loads(run.out)
    ratings = [json.loads(line)["rating"] for line in Path(result["log"]).read_text().splitlines()]
    assert len(ratings) == 3 and all(0 <= rating <= 1 for rating in ratings)
    assert result["epoch_kept"] == 1 + ratings.index(max(ratings))
    assert load_bundle(out).record["prompt_train"]["epoch_kept"] == result["epoch_kept"]


def test_the_model_scores_a_scan(trained, align3d):
    """`score --model` takes what prompt-train wrote, with both branches."""
    place = trained[0]
    run = align3d("score", place / "plates" / "bump" / "001.ply", "--model", place / "model.safetensors", "--json")
    assert run.code == 0, run.err
    assert 0 <= json.loads(run.out)["score"] <= 1


def test_an_existing_output_stays_without_force(trained, align3d, clip_model):
    """Exit 2 before any work, and the file is the same."""
    place = trained[0]
    before = (place / "aligner.safetensors").read_bytes()
    run = align3d("align", "--dataset", "synthetic", "--model", clip_model, "--out", place / "aligner.safetensors")
    assert run.code == 2 and "--force" in run.err
    assert (place / "aligner.safetensors").read_bytes() == before


def test_another_model_does_not_mix_into_the_store(trained, align3d, model):
    """Exit 4, and the message names what differs."""
    place = trained[0]
    run = align3d(
        "prompt-train", "--dataset", "folder", "--root", place / "plates", "--store", place / "store", "--model", model,
        "--no-align", "--out", place / "mixed.safetensors",
    )  # fmt: skip
    assert run.code == 4 and "encoder" in run.err and "another --store" in run.err
    assert not (place / "mixed.safetensors").exists()


def test_without_colour_stage_1_refuses_and_the_rendering_branch_trains(align3d, clip_model, model, tmp_path):
    """Exit 4 with the way out; --no-align takes it, leaves an unreadable scan out and says so."""
    data = write_folder(tmp_path / "grey", n=2, colour=False)
    (data / "good" / "900.ply").write_bytes((data / "good" / "000.ply").read_bytes()[:300])
    common = ("--dataset", "folder", "--root", data, "--epochs", "1", "--json")
    refused = align3d(
        "align", *common, "--model", clip_model, "--store", tmp_path / "a", "--out", tmp_path / "a.safetensors"
    )
    assert refused.code == 4 and "--no-align" in refused.err and not (tmp_path / "a.safetensors").exists()
    run = align3d(
        "prompt-train",
        *common,
        "--model",
        model,
        "--no-align",
        "--store",
        tmp_path / "m",
        "--out",
        tmp_path / "m.safetensors",
    )
    result = json.loads(run.out)
    assert run.code == 0, run.err
    assert result["data"]["n_failed"] == 1 and "900.ply" in result["data"]["failures"][0]["reason"]
    assert "900.ply" in run.err and "1 of 3 samples" in run.err
    assert result["prompts"] == "vectors" and set(result["losses"]) == {
        "epoch", "loss", "rendering_points", "rendering_maps", "rendering_object", "rendering_views",
    }  # fmt: skip


def test_contradicting_options_are_usage_errors(align3d, tmp_path):
    """Neither an aligner nor --no-align: exit 2 and both are named."""
    run = align3d("prompt-train", "--dataset", "synthetic", "--out", tmp_path / "m.safetensors")
    assert run.code == 2 and "--aligner" in run.err and "--no-align" in run.err


def test_weights_that_are_not_here_exit_5(align3d, tmp_path):
    """CLIP's weights cannot be had offline: the exit code says environment, the message where to get them."""
    run = align3d(
        "align", "--dataset", "synthetic", "--count", "1", "--profile", "paper", "--out", tmp_path / "a.safetensors",
        HOME=str(tmp_path), HF_HOME=str(tmp_path), ALIGN3D_CACHE=str(tmp_path), XDG_CACHE_HOME=str(tmp_path),
    )  # fmt: skip
    assert run.code == 5 and "ViT-L" in run.err


def test_print_config_shows_how_profiles_differ_and_does_nothing(align3d, tmp_path):
    """The paper's stage 2 and PointAD's: schedules and branches by name, no file written."""
    shown = {}
    for profile in ("paper", "pointad"):
        run = align3d(
            "prompt-train", "--dataset", "real3d", "--profile", profile, "--no-align", "--print-config",
            "--out", tmp_path / "m.safetensors",
        )  # fmt: skip
        shown[profile] = tomllib.loads(run.out)
    assert shown["paper"]["prompts"] | {"contrastive_epochs": 0} == shown["pointad"]["prompts"]
    assert shown["paper"]["views"]["preset"] == "real3d" and shown["paper"]["views"]["camera"] == "pointad"
    assert shown["pointad"]["branches"] == ["rendering"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        ("align", "--backbone", "ViT-B-16", "--precision", "bfloat16", "--epochs", "30", "--lambda=0.5", "--seed=7"),
        ("prompt-train", "--no-align", "--views", "5", "--keep-best", "--map-px", "64", "--view-average", "published"),
    ],
)  # fmt: skip
def test_what_print_config_shows_can_be_given_back(align3d, tmp_path, changes):
    """As a profile of one's own it gives the same settings without any other option."""
    command, *options = changes
    call = (command, "--dataset", "mvtec3d", "--out", tmp_path / "m.safetensors", "--print-config")
    first = align3d(*call, *options)
    assert first.code == 0, first.err
    (tmp_path / "mine.toml").write_text(first.out)
    again = align3d(*call, "--profile", tmp_path / "mine.toml", *(["--no-align"] if "--no-align" in options else []))
    assert again.code == 0, again.err
    assert tomllib.loads(again.out) == tomllib.loads(first.out)
    shown = tomllib.loads(first.out)
    if command == "align":
        assert shown["align"]["epochs"] == 30 and shown["align"]["reweight_epochs"] == 6
        assert shown["align"]["strength"] == 0.5 and shown["align"]["seed"] == 7
        assert shown["backbone"] == "ViT-B-16" and shown["encoder"]["precision"] == "bfloat16"
    else:
        assert shown["views"]["count"] == 5 and shown["prompts"]["keep_best"] and shown["prompts"]["map_px"] == 64


def test_two_equal_trainings_write_equal_files(trained, align3d, clip_model):
    """The record of a model holds no time of day and no seconds; the printed result does."""
    place, first, _ = trained
    run = align3d(
        "align", "--dataset", "folder", "--root", place / "plates", "--store", place / "store", "--epochs", "3",
        "--model", clip_model, "--fresh", "--json", "--out", place / "again.safetensors",
    )  # fmt: skip
    assert run.code == 0, run.err
    assert (place / "again.safetensors").read_bytes() == (place / "aligner.safetensors").read_bytes()
    assert json.loads(run.out)["seconds"] > 0 and first["seconds"] > 0


def test_a_trained_model_is_not_calibrated_yet(trained):
    """There is no threshold before good scans have set one."""
    from align3d_cli.model.bundle import load_bundle

    assert not load_bundle(trained[0] / "model.safetensors").calibration.calibrated


def test_the_help_says_which_split_is_learned_from(align3d):
    """Nobody trains on a test split unknowingly."""
    for command in ("align", "prompt-train"):
        run = align3d(command, "--help")
        assert run.code == 0 and "TEST split" in run.out and "Examples" in run.out
