"""Profiles are TOML: the shipped ones hold the published numbers, one's own are read and refused in one line."""

import json
import re
import tomllib
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path

import pytest

from align3d_cli.encoders.settings import EncoderSettings
from align3d_cli.errors import UsageError
from align3d_cli.helpers.toml import toml_of
from align3d_cli.model.profiles import NAMES, get_profile, profile_from, with_tower
from align3d_cli.model.settings import ScoringSettings
from align3d_cli.model.start import untrained
from align3d_cli.render.settings import ViewSettings
from align3d_cli.training.settings import AlignSettings, PromptSettings
from align3d_cli.training.start import align_settings, prompt_settings

ENCODER = {
    "image_size": 336, "vv_blocks": 19, "ln_post_global": True, "position_interpolation": "bilinear",
    "precision": "float32", "style": "grey", "deep_prompts": "float16",
}  # fmt: skip
VIEWS = {
    "preset": "mvtec", "count": 9, "size_px": 336, "camera": "pointad", "look": "published",
    "visibility": "one per pixel", "input": "size of a view", "pixels": "published", "frame": "file",
    "blend": "whole pixels",
}  # fmt: skip
SCORING = {
    "temperature": 0.07, "rgb_weight_point": 0.5, "rgb_weight_object": 0.5, "object_form": "max+global",
    "top_share": 0.005, "wide_share": 0.1, "wide_weight": 0.0, "view_weight": "uniform", "view_power": 1.0,
    "smooth": 0.0333, "object_max_weight": 1.0, "object_view_weight": 1.0, "unseen": "array neighbour",
    "smoothing": "grid", "smooth_sigma_px": 4.0, "smooth_fused": "mvtec", "smooth_object": "mvtec and eyecandies",
    "level_share": 0.0,
}  # fmt: skip
ALIGN = {
    "epochs": 250, "reweight_epochs": 50, "reweight": "published", "strength": 1.0, "batch": 4, "learning_rate": 1e-3,
    "betas": (0.5, 0.999), "seed": 111, "tokens_per_view": None, "order": "once",
}  # fmt: skip
PROMPTS = {
    "epochs": 15, "contrastive_epochs": 5, "alpha": 0.1, "batch": 4, "map_px": None, "temperature": 0.07,
    "view_average": "published", "point_loss": "all pixels", "single_scan": "rows",
    "keep_rendering": False, "keep_best": False, "learning_rate": 1e-3,
    "betas": (0.5, 0.999), "seed": 111, "n_ctx": 12, "depth": 9, "n_deep": 4,
}  # fmt: skip
HALVES = {
    "object_max_weight": 0.5, "object_view_weight": 0.5, "smooth_fused": "never", "smooth_object": "never",
}  # fmt: skip
CHANGED = {
    "paper": {},
    "pointad": {"scoring": HALVES, "prompts": {"contrastive_epochs": 0}},
    "align3d": {
        "encoder": {"deep_prompts": "float32"},
        "views": {"look": "closed", "visibility": "depth tolerance", "input": "all points", "pixels": "exact"},
        "scoring": {
            "unseen": "nearest",
            "smoothing": "neighbours",
            "smooth_fused": "always",
            "smooth_object": "always",
        },
        "align": {"order": "each epoch"},
        "prompts": {"view_average": "sample", "point_loss": "seen points", "single_scan": "whole"},
    },
}  # against the published Align3D-AD


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_of_a_shipped_profile_is_pinned(name):
    """The published numbers of Align3D-AD and, beside them, what PointAD does otherwise and which faults are mended."""
    profile, changed = get_profile(name), CHANGED[name]
    model = untrained(profile, "mvtec3d")
    assert model.name == f"{name}-ViT-L-14-336"
    assert model.encoder == {
        "name": "ViT-L-14-336",
        "pretrained": "openai",
        "settings": ENCODER | changed.get("encoder", {}),
    }
    assert asdict(model.views) == VIEWS | changed.get("views", {})
    assert asdict(model.scoring) == SCORING | changed.get("scoring", {})
    assert asdict(prompt_settings(profile)) == PROMPTS | changed.get("prompts", {})
    if name == "pointad":
        assert profile.branches == ("rendering",)
    else:
        assert asdict(align_settings(profile)) == ALIGN | changed.get("align", {})
        assert profile.branches == ("rendering", "rgb")


def test_a_profile_is_read_back_from_what_is_printed_of_it(tmp_path):
    """TOML of all settings, of both stages too, gives the same settings again; the name is the file's."""
    for name in NAMES:
        profile = get_profile(name)
        whole = replace(profile, prompts=asdict(prompt_settings(profile)))
        if "rgb" in profile.branches:
            whole = replace(whole, align=asdict(align_settings(profile)))
        path = tmp_path / f"{name}.toml"
        path.write_text(toml_of(whole.as_dict()))
        again = get_profile(str(path))
        assert replace(again, align={}, prompts={}) == replace(profile, align={}, prompts={})
        assert prompt_settings(again) == prompt_settings(profile)
        if "rgb" in profile.branches:
            assert align_settings(again) == align_settings(profile)


def test_ones_own_profile_states_only_what_differs(tmp_path):
    """`extends` names a shipped one; everything else stays as there, section by section."""
    path = tmp_path / "mine.toml"
    path.write_text('extends = "pointad"\n[encoder]\nimage_size = 518\n[scoring]\nsmoothing = "neighbours"\n')
    mine, below = get_profile(str(path)), get_profile("pointad")
    assert mine.name == "mine" and mine.branches == ("rendering",)
    assert mine.encoder == replace(below.encoder, image_size=518) and mine.views == replace(below.views, size_px=518)
    assert mine.scoring == replace(below.scoring, smoothing="neighbours") and mine.prompts == below.prompts


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[scoring]\nsmoothing = "gird"', '[scoring] smoothing "gird": give neighbours or grid'),
        ('[scoring]\nobject_form = "tpo"', 'object_form "tpo": give max+global, max or top'),
        ("[scoring]\ntemperature = nan", "temperature NaN"),
        ("[scoring]\nsmoth = 0.1", '"smoth": no such setting'),
        ("[views]\nsize_px = 518", "[views] size_px: follows [encoder] image_size"),
        ("[prompts]\ntemperature = 0.1", "[prompts] temperature: follows [scoring] temperature"),
        ("[views]\ncount = -3", "count -3"),
        ('[views]\npreset = "round"', "round is no preset"),
        ("views = 3", "[views] 3: give settings by name"),
        ("prompts = 3", "prompts 3: give a section"),
        ("[backbone]", "backbone {}"),
        ("[promts]\nepochs = 3", '"promts": no such setting'),
        ('branches = ["rgb"]', "branches"),
        ('branches = "rendering"', "branches"),
        ('extends = "papers"', "extends: give paper or pointad or align3d"),
        ("backbone = 7", "backbone 7"),
        ("[views", "is no TOML"),
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(tmp_path, text, told):
    """One line with the file, the section, the setting and what may stand there."""
    path = tmp_path / "mine.toml"
    path.write_text(text if "extends" in text else f'extends = "paper"\n{text}')
    with pytest.raises(UsageError) as refused:
        get_profile(str(path))
    assert told in str(refused.value) and str(path) in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["[prompts]\nepochs = 0", "[prompts]\nepoch = 3", '[prompts]\nview_average = "mean"'])
def test_the_stages_of_a_profile_are_checked_by_training(tmp_path, text):
    """The section is named, as the others are."""
    path = tmp_path / "mine.toml"
    path.write_text(f'extends = "paper"\n{text}')
    with pytest.raises(UsageError, match=r"--profile mine: \[prompts\] "):
        prompt_settings(get_profile(str(path)))


def test_what_is_no_profile_says_what_there_is(tmp_path):
    """Unknown names, folders, files that are absent or hold no text."""
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe\x00")
    for asked, told in (
        ("papers", "choose from paper, pointad, align3d"),
        (str(tmp_path), "choose from"),
        (str(tmp_path / "absent.toml"), "No such file"),
        (str(tmp_path / "odd.toml"), "is no TOML"),
    ):
        with pytest.raises(UsageError, match=told):
            get_profile(asked)


def test_another_tower_runs_at_its_own_size():
    """The size and the V-V blocks of ViT-L/14@336 are not forced on it; tag and precision are as asked for."""
    other = with_tower(get_profile("paper"), backbone="ViT-B-16", precision="bfloat16")
    assert other.encoder == EncoderSettings(precision="bfloat16", deep_prompts="float16") and other.pretrained is None
    same = with_tower(get_profile("paper"), backbone="ViT-L-14-336", pretrained="laion")
    assert same.encoder == get_profile("paper").encoder and same.pretrained == "laion"


def test_the_shipped_files_state_no_default_twice():
    """Below `paper`, every line of a profile changes something."""
    for name in ("pointad", "align3d"):
        stated = tomllib.loads(files("align3d_cli.model.profiles").joinpath(f"{name}.toml").read_text())
        below = get_profile("paper").as_dict() | {"name": "paper"}
        for section, values in stated.items():
            if isinstance(values, dict):
                assert not values.items() & below[section].items()


def test_the_settings_of_all_rooms_refuse_what_scored_silently_before():
    """Words with a letter astray, numbers that are none, negative counts: told where the settings are made."""
    for kind, wrong in (
        (ScoringSettings, {"object_form": "tpo"}),
        (ScoringSettings, {"smoothing": "gird"}),
        (ScoringSettings, {"temperature": float("nan")}),
        (ScoringSettings, {"temperature": 0.0}),
        (ScoringSettings, {"view_weight": "incidense"}),
        (ViewSettings, {"count": -1}),
        (ViewSettings, {"visibility": "all"}),
        (ViewSettings, {"preset": "sphere:0"}),
        (ViewSettings, {"preset": f"sphere:{10**9}"}),
        (ViewSettings, {"look": "published"}),
        (ViewSettings, {"pixels": "published"}),
        (ScoringSettings, {"unseen": "zero"}),
        (PromptSettings, {"single_scan": "rows"}),
        (EncoderSettings, {"precision": "float8"}),
        (AlignSettings, {"batch": 0}),
        (AlignSettings, {"betas": (0.5, 1.0)}),
        (PromptSettings, {"alpha": float("inf")}),
        (PromptSettings, {"seed": -1}),
    ):
        with pytest.raises(UsageError):
            kind(**wrong)


def test_a_profile_needs_a_tower():
    """A profile that extends nothing names its backbone; the defaults of the classes are the rest."""
    with pytest.raises(UsageError, match="backbone: is missing"):
        profile_from({}, "mine")
    mine = profile_from({"backbone": "ViT-B-16"}, "mine")
    assert (mine.views, mine.scoring, mine.encoder) == (ViewSettings(), ScoringSettings(), EncoderSettings())


PAGE = (files("align3d_cli.model.profiles") / "README.md").read_text(encoding="utf-8")
ROOT = Path(__file__).parents[2]


def everything(name: str) -> dict[str, object]:
    """All settings of a profile as "section.name", the stages' defaults too; an aligner's only where there is one."""
    profile = get_profile(name)
    whole = profile.as_dict() | {"prompts": asdict(prompt_settings(profile))}
    whole["align"] = asdict(align_settings(profile)) if "rgb" in profile.branches else {}
    found: dict[str, object] = {key: value for key, value in whole.items() if not isinstance(value, dict)}
    for section, values in whole.items():
        if isinstance(values, dict):
            found |= {f"{section}.{key}": value for key, value in values.items()}
    return found


def test_the_page_tells_every_setting_in_which_profiles_differ():
    """Each has its row with the value of every profile, and there is no other row."""
    whole = {name: everything(name) for name in NAMES}
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.+?) \| (.+?) \| (.+?) \|", PAGE, re.MULTILINE)
    for setting, *cells in rows:
        for name, cell in zip(NAMES, cells, strict=True):
            wanted = whole[name].get(setting, "-")
            told = cell if cell == "-" else json.loads(cell.strip("`"))
            assert told == (list(wanted) if isinstance(wanted, tuple) else wanted), (setting, name)
    differing = {
        setting
        for setting in whole["paper"]
        if any(whole[name].get(setting, whole["paper"][setting]) != whole["paper"][setting] for name in NAMES)
    }
    assert {setting for setting, *_ in rows} == differing


def test_the_tests_that_the_page_names_exist():
    """A reader finds each by its file and its name."""
    named = re.findall(r"`(tests/[a-z_/0-9]+\.py)::(test_[a-z_0-9]+)`", PAGE)
    assert len(named) > 15
    for path, test in named:
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), test
