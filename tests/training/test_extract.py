"""From scans to features to prompts with the real modules: a tiny CLIP tower, random weights, plates with a bump."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from align3d_cli.clouds.cloud import PointCloud
from align3d_cli.clouds.labelled import LabelledCloud, Sample
from align3d_cli.encoders.load import load_encoder
from align3d_cli.encoders.settings import EncoderSettings
from align3d_cli.errors import InputRejected
from align3d_cli.model.profiles import get_profile
from align3d_cli.render.settings import ViewSettings
from align3d_cli.training.align import train_aligner
from align3d_cli.training.assess import class_means, separation
from align3d_cli.training.extract import Extraction, build_store, extract, labelled_subset
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.prompts import Branches, train_prompts
from align3d_cli.training.run import Run
from align3d_cli.training.settings import AlignSettings, PromptSettings
from align3d_cli.training.start import align_settings, prompt_settings, vector_prompts

CPU, SIDE = torch.device("cpu"), 60
TINY = {
    "embed_dim": 32,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 64, "layers": 3, "width": 48, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}


def plate(seed: int, bump: bool, colour: bool = True) -> LabelledCloud:
    """An organised wavy plate of 60 x 60 points, 2 units wide, with a bump 0.25 high at a random place."""
    rng = np.random.default_rng(seed)
    u, v = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    xyz = np.stack([u.ravel(), v.ravel(), 0.08 * np.sin(3 * u + rng.uniform(0, 6)).ravel()], axis=1)
    distance = np.linalg.norm(xyz[:, :2] - rng.uniform(-0.6, 0.6, 2), axis=1)
    if bump:
        xyz[:, 2] += 0.25 * np.exp(-((distance / 0.15) ** 2))
    tint = 128 + 60 * xyz[:, 2:] * np.array([4, 2, 1]) + rng.normal(0, 8, (len(xyz), 3))
    colours = np.clip(tint, 0, 255).astype(np.uint8) if colour else None
    return LabelledCloud(PointCloud(xyz, colours=colours, grid=(SIDE, SIDE)), (distance < 0.22) & bump)


def plates(n: int, colour: bool = True) -> list[Sample]:
    kinds = ["bump" if i % 2 else "good" for i in range(n)]
    return [
        Sample(f"plate/{kind}/{i:03d}", "plate", "test", kind, lambda i=i, kind=kind: plate(i, kind == "bump", colour))
        for i, kind in enumerate(kinds)
    ]


def unreadable(name: str = "plate/cut/900") -> Sample:
    def load() -> LabelledCloud:
        raise InputRejected(f"{name}: ends early; export it again")

    return Sample(name, "plate", "test", "cut", load)


@pytest.fixture(scope="module")
def extraction() -> Extraction:
    encoder = load_encoder("tiny", config=TINY, random_seed=0, settings=EncoderSettings(vv_blocks=2))
    return Extraction(encoder, ViewSettings("front:4", 4, 64, "fitted"), rgb_encoder=encoder)


@pytest.fixture(scope="module")
def plate_store(extraction, tmp_path_factory):
    """Twelve plates, six with a bump, both modalities."""
    store = FeatureStore(tmp_path_factory.mktemp("plates"), extraction.identity())
    return store, build_store(store, plates(12), extraction).names


@pytest.mark.slow
def test_both_stages_find_a_planted_bump_on_plates_they_never_saw(plate_store, extraction):
    """Trained on eight plates, the prompts rank the bumps of four others first, and the losses fall."""
    store, names = plate_store
    train_names, held_out, spec = names[:8], names[8:], extraction.encoder.spec
    aligner, align_losses = train_aligner(store, train_names, 32, AlignSettings(epochs=15, learning_rate=3e-3), Run())
    branches = Branches(spec, vector_prompts(class_means(store, train_names, spec, aligner, CPU)), aligner)
    config = PromptSettings(epochs=40, learning_rate=1e-2)
    text, losses = train_prompts(store, train_names, branches, config, Run())
    found = separation(store, held_out, branches, text, config.temperature, CPU)
    assert align_losses[-1]["loss"] < 0.5 * align_losses[0]["loss"]
    assert losses[-1]["loss"] < 0.9 * losses[0]["loss"]
    assert found["rendering_point_auroc"] > 0.8, found
    assert found["rendering_object_auroc"] > 0.7, found


def test_points_masks_and_labels_of_a_sample_agree(extraction):
    """A visible defect point lies on or beside a mask pixel of its view, a good plate has no mask at all."""
    bad, good = (extract(sample, extraction) for sample in (plates(2)[1], plates(2)[0]))
    assert bad.label and bad.view_labels.all() and bad.defect.sum() == plate(1, True).defect.sum()
    assert not good.label and not good.view_labels.any() and not good.view_masks.any() and not good.defect.any()
    grown = torch.nn.functional.max_pool2d(bad.view_masks.float()[:, None], 3, 1, 1).flatten(1)
    on_mask = grown.gather(1, bad.pixel_of_point.long().clamp(min=0))[bad.visible & bad.defect]
    assert on_mask.mean() > 0.95


def test_coloured_and_grey_views_give_different_features_of_one_shape(extraction):
    """Both modalities come from the same cameras and towers, but not from the same image."""
    features = extract(plates(2)[1], extraction)
    assert features.render_tokens.shape == features.rgb_tokens.shape == (4, 65, 32)
    assert not torch.allclose(features.render_tokens, features.rgb_tokens, atol=1e-2)


def test_a_second_build_encodes_nothing(plate_store, extraction):
    """Stored samples are not read again: a build that could not load any still finds them all."""
    store, names = plate_store
    broken = [replace(sample, load=unreadable(sample.name).load) for sample in plates(12)]
    built = build_store(store, broken, extraction)
    assert (built.names, built.n_new, built.failures) == (names, 0, [])


def test_an_unreadable_sample_is_reported_and_left_out(extraction, tmp_path):
    """One bad file of three is named with its reason; the other two are stored."""
    said = []
    built = build_store(
        FeatureStore(tmp_path, {}), [*plates(2), unreadable()], extraction, on_sample=lambda *seen: said.append(seen)
    )
    assert len(built.names) == built.n_new == 2
    assert built.failures == [("plate/cut/900", "plate/cut/900: ends early; export it again")]
    assert [failure is None for _, failure in said] == [True, True, False]


def test_a_data_set_without_one_usable_sample_is_rejected(extraction, tmp_path):
    """The first reason is in the message."""
    with pytest.raises(InputRejected, match=r"none of 1 samples can be used.*ends early"):
        build_store(FeatureStore(tmp_path, {}), [unreadable()], extraction)


def test_scans_without_colour_are_refused_by_stage_1_only(extraction, tmp_path):
    """The message says what to do instead; without the RGB tower the same scans are stored."""
    colourless = plates(2, colour=False)
    with pytest.raises(InputRejected, match="prompt-train --no-align"):
        build_store(FeatureStore(tmp_path / "a", {}), colourless, extraction)
    built = build_store(FeatureStore(tmp_path / "b", {}), colourless, replace(extraction, rgb_encoder=None))
    assert len(built.names) == 2


def test_colour_is_added_to_a_store_that_was_built_without(extraction, tmp_path):
    """`align` after `prompt-train --no-align` completes the same store."""
    store = FeatureStore(tmp_path, {})
    build_store(store, plates(2), replace(extraction, rgb_encoder=None))
    assert build_store(store, plates(2), extraction).n_new == 2
    assert all(store.has(sample.name, rgb=True) for sample in plates(2))


def test_the_identity_names_weights_and_views(extraction):
    """Other weights, other views or another precision are another store."""
    other = load_encoder("tiny", config=TINY, random_seed=1, settings=EncoderSettings(vv_blocks=2))
    half = load_encoder("tiny", config=TINY, random_seed=0, settings=EncoderSettings(vv_blocks=2, precision="bfloat16"))
    changed = [
        replace(extraction, encoder=other),
        replace(extraction, encoder=half),
        replace(extraction, plan=ViewSettings("front:9", 9, 64, "fitted")),
        replace(extraction, max_points=10),
    ]
    identities = [item.identity() for item in (extraction, *changed)]
    assert all(identities.count(identity) == 1 for identity in identities)


def test_the_subset_keeps_rare_defects_and_the_share_of_common_ones():
    """40 defect points among a million all stay; a fifth stays a fifth; few points are all kept; a seed decides."""
    rare, common = np.arange(1_000_000) < 40, np.arange(100_000) % 5 == 0
    rng = np.random.default_rng
    assert rare[labelled_subset(rare, 1000, rng(0))].sum() == 40
    assert common[labelled_subset(common, 10_000, rng(0))].mean() == pytest.approx(0.2, abs=1e-3)
    assert labelled_subset(rare[:50], 1000, rng(0)).tolist() == list(range(50))
    assert np.array_equal(labelled_subset(common, 99, rng(3)), labelled_subset(common, 99, rng(3)))
    assert len(np.unique(labelled_subset(common, 99, rng(3)))) == 99


def test_of_a_resized_scan_every_pixel_is_stored(extraction):
    """Pixels with a point have its label and its place in the views, those without one lie in no view."""
    plan = ViewSettings("mvtec", 9, 64, "pointad", "published", "one per pixel", "size of a view", "published")
    half = plate(3, bump=True)
    xyz = half.cloud.xyz.copy()
    xyz[np.arange(len(xyz)) % SIDE > 40] = np.nan
    sample = Sample(
        "plate/bump/3", "plate", "test", "bump", lambda: LabelledCloud(replace(half.cloud, xyz=xyz), half.defect)
    )
    found = extract(sample, replace(extraction, plan=plan, rgb_encoder=None, background="keep"))
    assert found.pixel_of_point.shape == (9, 64 * 64) and found.defect.shape == (64 * 64,)
    taken = (np.arange(64) * SIDE // 64)[:, None] * SIDE + np.arange(64) * SIDE // 64
    held = np.isfinite(xyz[taken.ravel(), 0])
    np.testing.assert_array_equal((found.pixel_of_point >= 0).all(dim=0).numpy(), held)
    np.testing.assert_array_equal((found.pixel_of_point < 0).all(dim=0).numpy(), ~held)
    np.testing.assert_array_equal(found.defect.numpy(), half.defect[taken.ravel()] & held)
    assert not found.visible[:, ~torch.from_numpy(held)].any() and found.visible.any()


@pytest.mark.slow
def test_both_stages_run_as_published_on_resized_scans(extraction, tmp_path):
    """`paper` from scans to text vectors: resized, every pixel in the point loss, a last batch of one scan."""
    plan = ViewSettings("mvtec", 9, 64, "pointad", "published", "one per pixel", "size of a view", "published")
    resized = replace(extraction, plan=plan)
    store = FeatureStore(tmp_path, resized.identity())
    names, spec = build_store(store, plates(5), resized).names, extraction.encoder.spec
    aligner, _ = train_aligner(store, names, 32, align_settings(get_profile("paper"), epochs=2), Run())
    branches = Branches(spec, vector_prompts(class_means(store, names, spec, aligner, CPU)), aligner)
    before = {name: module().detach().clone() for name, module in branches.prompts.items()}
    text, lines = train_prompts(store, names, branches, prompt_settings(get_profile("paper"), epochs=2), Run())
    assert np.isfinite(lines[-1]["loss"]) and 0 < lines[-1]["rgb_points"] < 2
    assert all(not torch.equal(text[name], before[name]) for name in ("rendering", "rgb"))
    assert set(separation(store, names, branches, text, 0.07, CPU)) > {"rgb_point_auroc", "rendering_object_auroc"}
