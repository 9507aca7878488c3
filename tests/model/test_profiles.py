"""Profiles differ by named settings, and hold the published numbers."""

import json

import pytest

from align3d_cli.encoders.encoder import EncoderSettings
from align3d_cli.errors import UsageError
from align3d_cli.model.profiles import PROFILES, differences, get_profile


def test_the_paper_profile_holds_the_published_numbers():
    """Backbone, V-V blocks, prompt sizes, schedules and fusion of Align3D-AD."""
    paper = get_profile("paper").settings()
    published = {
        "backbone": "ViT-L-14-336", "pretrained": "openai", "image_px": 336, "vv_blocks": 19, "n_ctx": 12,
        "prompt_depth": 9, "n_deep": 4, "temperature": 0.07, "align_epochs": 250, "reweight_epochs": 50,
        "prompt_epochs": 15, "contrastive_epochs": 5, "contrastive_weight": 0.1, "reweight_strength": 1.0,
        "rgb_weight_point": 0.5, "rgb_weight_object": 0.5, "smoothing_sigma_px": 4.0, "seed": 111, "batch": 4,
    }  # fmt: skip
    assert {key: paper[key] for key in published} == published


def test_align3d_differs_by_the_mended_faults_alone():
    """Ours is the paper's model; only the faults of the published code are set otherwise."""
    changed = differences(get_profile("paper"), get_profile("align3d"))
    assert set(changed) == {"look", "visibility", "unseen", "view_average", "smoothing", "metric_pixels"}
    assert changed["view_average"] == ("published", "sample")


def test_pointad_is_the_rendering_branch_alone():
    """PointAD scores half the maximum and half the mean view probability of one branch, and trains no aligner."""
    pointad = get_profile("pointad")
    assert pointad.branches == ("rendering",) and pointad.align_epochs == 0
    assert pointad.object_max_weight == pointad.object_view_weight == 0.5


def test_profiles_are_plain_data():
    """Every profile survives JSON, knows its own name, and configures the encoder."""
    for name, profile in PROFILES.items():
        assert profile.name == name
        assert json.loads(json.dumps(profile.settings()))["backbone"] == "ViT-L-14-336"
    assert get_profile("paper").encoder_settings("bfloat16") == EncoderSettings(336, 19, precision="bfloat16")


def test_settings_can_be_changed_by_name():
    """A changed setting is kept; unknown names and values, and impossible schedules, are usage errors."""
    assert get_profile("align3d", image_px=518, reweighting="none").image_px == 518
    for wrong, told in (
        ({"pixels": 3}, "no setting is called pixels"),
        ({"smoothing": "blur"}, "choose from grid, neighbours"),
        ({"prompt_epochs": 3}, "never more"),
    ):
        with pytest.raises(UsageError, match=told):
            get_profile("paper", **wrong)
    with pytest.raises(UsageError, match="choose from paper, pointad, align3d"):
        get_profile("papers")
