"""What a run starts from: profiles become models and stage settings, generated data become samples."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from align3d_cli.encoders.lite import LiteEncoder
from align3d_cli.encoders.lite_trunk import LiteTrunk, load_imagenet_file
from align3d_cli.encoders.settings import EncoderSettings
from align3d_cli.errors import Align3DError, InputRejected, UsageError, WeightsRejected
from align3d_cli.helpers.manifest import write_manifest
from align3d_cli.helpers.toml import toml_of
from align3d_cli.model.bundle import Bundle, load_bundle, save_bundle
from align3d_cli.model.profiles import get_profile
from align3d_cli.model.start import profile_for, rgb_tower, untrained
from align3d_cli.training.data import Data
from align3d_cli.training.start import align_settings, kind_of_prompts, prompt_settings, vector_prompts
from align3d_cli.tuning.tune import TuneConfig
from align3d_cli.tuning.tune_job import TuneJob


def test_a_shorter_run_keeps_the_share_of_its_last_epochs():
    """A tenth of the epochs has a tenth of the reweighted ones, unless told otherwise."""
    profile = get_profile("align3d")
    assert align_settings(profile, epochs=25).reweight_epochs == 5
    assert align_settings(profile, epochs=25, reweight_epochs=20).reweight_epochs == 20
    assert prompt_settings(profile, epochs=3).contrastive_epochs == 1


def test_pointad_has_no_stage_1():
    """What it would train has no part in its scores: told in one line, whatever else is asked for."""
    with pytest.raises(UsageError, match="pointad has no aligner"):
        align_settings(get_profile("pointad"), epochs=3)


def test_a_stage_follows_the_profile_of_the_model_it_goes_on_from():
    """No word on it: the model's own. Another one is refused, since views and scoring are the model's."""
    made = untrained(get_profile("paper"), "folder")
    assert profile_for(None, made).name == profile_for("paper", made).name == "paper"
    with pytest.raises(UsageError, match=r"follows the profile paper.*leave --profile out"):
        profile_for("align3d", made)
    assert profile_for(None, None).name == "align3d" and profile_for("pointad", None).name == "pointad"
    assert profile_for("paper", load_bundle()).name == "paper"  # the shipped model follows none


def test_a_model_keeps_the_whole_profile_that_it_was_made_with(tmp_path):
    """One's own profile is found in the model's record; one with other settings of the training alone may follow."""
    path = tmp_path / "mine.toml"
    path.write_text('extends = "paper"\n[scoring]\nsmoothing = "neighbours"\n')
    mine = get_profile(str(path))
    saved = save_bundle(tmp_path / "m.safetensors", untrained(mine, "mvtec3d")).path
    assert saved is not None and profile_for(None, load_bundle(saved)) == mine
    path.write_text('extends = "paper"\n[scoring]\nsmoothing = "neighbours"\n[prompts]\nn_ctx = 4\n')
    assert prompt_settings(profile_for(str(path), load_bundle(saved))).n_ctx == 4
    drawn = replace(mine, views=load_bundle(saved).views)  # as --print-config shows it, the views by their name
    path.write_text(toml_of(drawn.as_dict()))
    assert profile_for(str(path), load_bundle(saved)).views == drawn.views
    with pytest.raises(UsageError, match="follows the profile mine"):
        profile_for("paper", load_bundle(saved))


@pytest.mark.parametrize(
    "stated", [7, "paper", ["paper"], {"name": "papers"}, {"name": 3}, {"views": {}}, {"name": []}]
)
def test_a_record_that_names_no_profile_is_told(stated):
    """Whatever stands in a foreign model's record: one line, exit code 5."""
    with pytest.raises(WeightsRejected, match="what its record says of a profile is none"):
        profile_for(None, Bundle("odd", {"name": "lite"}, {}, record={"profile": stated}))


def test_older_records_list_settings_by_other_names():
    """The profile of their name is followed."""
    older = Bundle("old", {"name": "x"}, {}, record={"profile": {"name": "pointad", "image_px": 336, "n_ctx": 12}})
    assert profile_for(None, older) == get_profile("pointad")


@pytest.mark.parametrize(("dataset", "preset"), [("mvtec3d", "mvtec"), ("real3d", "real3d"), ("folder", "auto")])
def test_published_views_follow_the_data_set(dataset, preset):
    """PointAD's rotations for the data sets it names; other data choose by the scan."""
    bundle = untrained(get_profile("paper"), dataset)
    assert (bundle.views.preset, bundle.views.camera, bundle.views.size_px) == (preset, "pointad", 336)


def test_another_backbone_runs_at_its_own_size():
    """ViT-B-16 is not forced to the size and the number of V-V blocks of ViT-L/14@336."""
    bundle = untrained(get_profile("paper"), "folder", backbone="ViT-B-16", precision="bfloat16")
    settings = EncoderSettings(**bundle.encoder["settings"])
    assert (bundle.encoder["name"], bundle.encoder["pretrained"]) == ("ViT-B-16", None)
    assert (settings.image_size, settings.vv_blocks, settings.precision) == (None, None, "bfloat16")


def test_prompts_go_through_the_text_tower_where_there_is_one():
    """A model that carries its own image tower has none; asking for sentences there is a usage error."""
    lite = Bundle("lite", {"name": "lite"}, {"encoder.x": torch.zeros(1)})
    assert kind_of_prompts("auto", lite) == "vectors"
    assert kind_of_prompts("auto", untrained(get_profile("paper"), "folder")) == "clip"
    with pytest.raises(UsageError, match="--prompts vectors"):
        kind_of_prompts("clip", lite)


def test_vectors_start_where_they_are_told():
    """Class means become the first prompts, scaled to unit length."""
    means = {"rendering": torch.tensor([[3.0, 0.0], [0.0, 2.0]])}
    assert torch.equal(vector_prompts(means)["rendering"]().detach(), torch.eye(2))


def test_generated_data_are_the_same_for_the_same_seed_only():
    """Identity and names follow count and seed; nothing is generated before it is loaded."""
    data = Data("synthetic", count=3, seed=5)
    assert [sample.name for sample in data.samples()] == [sample.name for sample in data.samples()]
    assert len(data.samples()) == 3
    assert data.identity() == Data("synthetic", count=3, seed=5).identity() != Data("synthetic", count=3).identity()
    assert "generated scans" in data.protocol() and "test split" in Data("mvtec3d").protocol()


def test_the_rgb_tower_is_the_file_of_its_manifest(tmp_path, monkeypatch):
    """The frozen ImageNet trunk behind a geometry tower is hashed before it is parsed; a changed byte is refused."""
    encoder = LiteEncoder(image_size=64, embed_dim=8, width=16)
    bundle = Bundle("lite", {"name": "lite"}, {})
    trunk = tmp_path / "imagenet-lite0.safetensors"
    save_file(LiteTrunk("lite0").state_dict(), trunk)
    write_manifest(tmp_path, licence="none", source="drawn at random")
    monkeypatch.setattr("align3d_cli.model.find.weights_dirs", lambda: [tmp_path])
    assert rgb_tower(bundle, encoder, "cpu").spec.style == "colour"
    trunk.write_bytes(trunk.read_bytes()[:-1] + b"!")  # 1.0 ends in "?"
    with pytest.raises(InputRejected, match=r"SHA-256 .* of manifest.json"):
        rgb_tower(bundle, encoder, "cpu")
    trunk.write_bytes(b"no safetensors at all")
    with pytest.raises(InputRejected, match=r"bytes is not the .* of manifest.json"):
        rgb_tower(bundle, encoder, "cpu")


def test_tuning_starts_from_the_file_of_its_manifest(tmp_path):
    """So is the file of `tune --imagenet`; one that nobody stated anything about must at least fit the trunk."""
    trunk = tmp_path / "mine.safetensors"
    save_file(LiteTrunk("lite0").state_dict(), trunk)
    load_imagenet_file(LiteTrunk("lite0"), trunk)
    with pytest.raises(InputRejected, match="no ImageNet weights of this trunk"):
        load_imagenet_file(LiteTrunk("lite1"), trunk)
    write_manifest(tmp_path, licence="none", source="drawn at random")
    trunk.write_bytes(trunk.read_bytes()[:-1] + b"!")  # 1.0 ends in "?"
    job = TuneJob(tmp_path / "out.safetensors", TuneConfig(), {"variant": "lite0", "image_size": 64}, imagenet=trunk)
    with pytest.raises(InputRejected, match=r"of manifest.json"):
        job.run(log=print, advance=lambda n: None)
    trunk.write_bytes(b"no safetensors at all")
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(InputRejected, match="no ImageNet weights of this trunk"):
        load_imagenet_file(LiteTrunk("lite0"), trunk)


def test_a_backbone_by_its_configuration(tmp_path):
    """A model that open_clip does not list is named by its folder and carries its configuration along."""
    folder = tmp_path / "my-clip"
    folder.mkdir()
    config = {"model_cfg": {"embed_dim": 8, "vision_cfg": {"width": 8}, "text_cfg": {"width": 8}}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    encoder = untrained(get_profile("paper"), "", backbone=str(folder / "open_clip_config.json")).encoder
    assert (encoder["name"], encoder["config"], encoder["pretrained"]) == ("my-clip", config, None)
    assert encoder["settings"]["vv_blocks"] is None


def test_a_tuning_starts_from_a_model_by_name_and_says_what_is_missing(tmp_path):
    """`start` is a name or a path, as everywhere; files that are not there are findings, not tracebacks."""
    small, out = TuneConfig(crop_px=64), tmp_path / "out.safetensors"
    encoder = {"variant": "lite0", "image_size": 320}
    job = TuneJob(out, small, encoder, start=Path("align3d-lite"))
    assert job.identity()["start"] == load_bundle("align3d-lite").sha256
    for missing in ({"start": tmp_path / "no.safetensors"}, {"imagenet": tmp_path / "no.safetensors"}):
        with pytest.raises(Align3DError, match=r"no\.safetensors"):
            TuneJob(out, small, encoder, **missing).tuner()
