"""Stage 2: losses against their sentences, branches, and a planted defect found on samples never seen."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from align3d_cli.errors import UsageError
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.prompts import VectorPrompts
from align3d_cli.model.similarity import patch_probabilities, view_maps
from align3d_cli.training.align import train_aligner
from align3d_cli.training.batches import labelled_views
from align3d_cli.training.prompts import Branches, branch_losses, lifted, prompt_losses, train_prompts
from align3d_cli.training.run import Run
from align3d_cli.training.sample_features import SampleFeatures
from align3d_cli.training.session import Session, train_text
from align3d_cli.training.settings import AlignSettings, PromptSettings

from ..model.own_oracle import dice
from ..model.own_scoring_oracle import lifted_in_array_order

CPU = torch.device("cpu")
DIM, ROWS, SIZE = 16, 4, 16  # of the made features


def rendering_only(spec, seed: int = 0) -> Branches:
    return Branches(spec, {"rendering": VectorPrompts(DIM, seed=seed)})


def both(spec, seed: int = 0) -> Branches:
    prompts = {"rendering": VectorPrompts(DIM, seed=seed), "rgb": VectorPrompts(DIM, seed=seed + 1)}
    return Branches(spec, prompts, Aligner(DIM, seed=seed))


def test_lifting_is_the_mean_over_the_views_that_see_a_point_of_its_own_sample():
    """Two samples in a batch: every point averages its own views only, as the sentence says."""
    rng = torch.Generator().manual_seed(1)
    n_samples, n_views, n_points = 2, 3, 7
    maps = torch.rand(n_samples * n_views, 2, 4, 4, generator=rng)
    pixel = torch.randint(16, (n_samples, n_views, n_points), generator=rng)
    visible = torch.rand(n_samples, n_views, n_points, generator=rng) < 0.6
    visible[1, :, 2] = False
    mean, seen = lifted(maps, pixel, visible)
    for sample in range(n_samples):
        for point in range(n_points):
            values = [
                maps[sample * n_views + view, :, pixel[sample, view, point] // 4, pixel[sample, view, point] % 4]
                for view in range(n_views)
                if visible[sample, view, point]
            ]
            assert seen[sample, point] == bool(values)
            expected = torch.stack(values).mean(dim=0) if values else torch.zeros(2)
            assert torch.allclose(mean[sample, :, point], expected, atol=1e-6)


@pytest.mark.parametrize("per_sample", [True, False])
def test_another_sample_in_the_batch_does_not_change_a_samples_point_map(per_sample):
    """Also in the published form, whose average mixes the object logits of a batch and nothing else."""
    maps = torch.zeros(4, 2, 1, 1)
    maps[2:] = 1
    pixel, visible = torch.zeros(2, 2, 1, dtype=torch.long), torch.ones(2, 2, 1, dtype=torch.bool)
    assert lifted(maps, pixel, visible, per_sample=per_sample)[0][:, 1, 0].tolist() == [0, 1]


def test_the_published_average_mixes_object_logits_and_nothing_else(store_and_names, spec):
    """Of the four losses that of the object alone is another, and it is the chunked mean's."""
    store, names = store_and_names
    batch = labelled_views(store, names[:2], None, CPU)
    text = VectorPrompts(DIM, seed=2)().detach()
    ours, theirs = (
        branch_losses(batch.render_global, batch.render_tokens, text, batch, spec, PromptSettings(view_average=form))
        for form in ("sample", "published")
    )
    assert {kind for kind in ours if not torch.equal(ours[kind], theirs[kind])} == {"object"}
    logits = (batch.render_global @ text.T / 0.07).flatten(0, 1).reshape(3, 2, 2).mean(dim=0)
    assert torch.isclose(theirs["object"], torch.nn.functional.cross_entropy(logits, batch.labels), atol=1e-5)


def test_branch_losses_are_what_their_sentences_say(store_and_names, spec):
    """Each of the four losses against a slow re-statement with loops over samples and views."""
    store, names = store_and_names
    batch = labelled_views(store, names[:2], None, CPU)
    text = VectorPrompts(DIM, seed=2)().detach()
    found = branch_losses(batch.render_global, batch.render_tokens, text, batch, spec, PromptSettings())

    def dice(p, t):
        return 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)

    objects, views, points, focal, view_dice = [], [], [], [], []
    for s in range(2):
        logits = batch.render_global[s] @ text.T / 0.07
        objects.append(-logits.mean(dim=0).log_softmax(dim=0)[batch.labels[s]])
        views += [-logits[v].log_softmax(dim=0)[batch.view_labels[s, v]] for v in range(3)]
        maps = view_maps(patch_probabilities(batch.render_tokens[s], text), (ROWS, ROWS), SIZE, True)
        mean, seen = lifted(maps, batch.pixel_of_point[s : s + 1], batch.visible[s : s + 1])
        on, gt = seen[0].bool(), batch.defect[s]
        points.append(dice(mean[0, 1, on], gt[on]) + dice(mean[0, 0, on], 1 - gt[on]))
        for v in range(3):
            mask = batch.masks[s, v]
            p_true = torch.where(mask > 0, maps[v, 1], maps[v, 0])
            focal.append((-((1 - p_true) ** 2) * p_true.log()).mean())
            view_dice.append(dice(maps[v, 1], mask) + dice(maps[v, 0], 1 - mask))
    for kind, values in (("object", objects), ("views", views), ("points", points)):
        assert torch.isclose(found[kind], torch.stack(values).mean(), atol=1e-5), kind
    assert torch.isclose(found["maps"], torch.stack(focal).mean() + torch.stack(view_dice).mean(), atol=1e-3)


@pytest.mark.parametrize("n_samples", [1, 2])
def test_the_published_point_loss_in_plain_numpy(fill_store, spec, tmp_path, n_samples):
    """Every pixel of the resized scan counts, background as 0 against 1 in the normal map; unseen points are read where
    their neighbour in the array is seen; a batch of one scan is a batch of its rows."""
    store, names = fill_store(tmp_path, n=2, points=SIZE * SIZE)
    for name in names:  # as a resized scan: some pixels hold no point
        sample = store.get(name, [field.name for field in fields(SampleFeatures)])
        sample["pixel_of_point"][:, 5::7], sample["visible"][:, 5::7], sample["defect"][5::7] = -1, False, False
        sample["visible"][:, 30:60] = False
        store.put(name, SampleFeatures(**sample))
    config = PromptSettings(point_loss="all pixels", single_scan="rows")
    batch = labelled_views(store, names[:n_samples], None, CPU, fill=True)
    text = VectorPrompts(DIM, seed=2)().detach()
    found = branch_losses(batch.render_global, batch.render_tokens, text, batch, spec, config)["points"]
    abnormal, normal = [], []
    for row, name in enumerate(names[:n_samples]):
        sample = store.get(name, ("pixel_of_point", "visible", "defect"))
        maps = view_maps(patch_probabilities(batch.render_tokens[row], text), (ROWS, ROWS), SIZE, True).numpy()
        held = np.flatnonzero((sample["pixel_of_point"][0] >= 0).numpy())
        points = np.zeros((2, SIZE * SIZE))
        points[:, held] = lifted_in_array_order(
            maps, sample["pixel_of_point"].numpy()[:, held], sample["visible"].numpy()[:, held]
        )
        defect = sample["defect"].double().numpy()
        abnormal.append((points[1], defect))
        normal.append((points[0], 1 - defect))
    expected = sum(own_dice([p for p, _ in pairs], [t for _, t in pairs]) for pairs in (abnormal, normal))
    assert float(found) == pytest.approx(expected, abs=1e-5)


def own_dice(maps, targets):
    """The published Dice: a map of one scan loses its first axis, so that its rows are taken for samples."""
    if len(maps) == 1:
        maps, targets = (parts[0].reshape(SIZE, SIZE) for parts in (maps, targets))
    return dice(maps, targets)


def test_all_pixels_need_a_resized_scan():
    """Rows are those of an image; and both need views of a resized scan, which training says before it starts."""
    with pytest.raises(UsageError, match="give point_loss"):
        PromptSettings(single_scan="rows")
    bundle = Bundle("lite", {"name": "lite"}, {})
    with pytest.raises(UsageError, match=r'give .views. input "size of a view"'):
        train_text(
            bundle, None, [], PromptSettings(point_loss="all pixels"), Session(), kind="vectors", use_aligner=False
        )


def test_the_contrastive_loss_counts_in_the_last_epochs_times_alpha(store_and_names, spec):
    """With contrast, the minimised loss is larger by exactly alpha times both branches' contrastive losses."""
    store, names = store_and_names
    batch, branches, config = labelled_views(store, names[:2], None, CPU), both(spec), PromptSettings(alpha=0.3)
    assert [config.contrasts_at(epoch) for epoch in (9, 10, 14)] == [False, True, True]
    without, with_it = (prompt_losses(branches, batch, config, contrast=contrast) for contrast in (False, True))
    expected = 0.3 * (with_it["rgb_contrastive"] + with_it["rendering_contrastive"])
    assert torch.isclose(with_it["loss"] - without["loss"], expected, atol=1e-6)


def test_no_gradient_reaches_the_aligner(store_and_names, spec):
    """The aligner is frozen in stage 2: its weights are the same after training."""
    store, names = store_and_names
    branches = both(spec)
    before = {key: value.clone() for key, value in branches.aligner.state_dict().items()}
    text, _ = train_prompts(store, names[:4], branches, PromptSettings(epochs=2), Run())
    assert all(torch.equal(before[key], value) for key, value in branches.aligner.state_dict().items())
    assert set(text) == {"rendering", "rgb"}


def test_kept_rendering_prompts_stay_as_they_were_while_the_others_learn(store_and_names, spec):
    """With keep_rendering only the RGB vectors move, and only its losses are summed and logged."""
    store, names = store_and_names
    branches = replace(both(spec), frozen=frozenset({"rendering"}))
    before = {name: module().detach().clone() for name, module in branches.prompts.items()}
    config = PromptSettings(epochs=2, contrastive_epochs=1, keep_rendering=True)
    text, losses = train_prompts(store, names[:4], branches, config, Run())
    assert torch.equal(text["rendering"], before["rendering"])
    assert not torch.equal(text["rgb"], before["rgb"])
    assert not any(name.startswith("rendering") for name in losses[-1])
    assert "rgb_contrastive" in losses[-1]


def test_the_best_epoch_is_kept_where_asked_for(store_and_names, spec):
    """Rated 0, 2, 1: keep_best gives what two epochs alone give; without it the rating is not asked for."""
    store, names = store_and_names
    config = PromptSettings(epochs=3, contrastive_epochs=0)
    ratings = iter((0.0, 2.0, 1.0))
    best, losses = train_prompts(
        store, names[:4], both(spec), replace(config, keep_best=True), Run(), rating_of=lambda text: next(ratings)
    )
    two, _ = train_prompts(store, names[:4], both(spec), replace(config, epochs=2), Run())
    assert [line["rating"] for line in losses] == [0.0, 2.0, 1.0]
    assert all(torch.equal(best[name], two[name]) for name in ("rendering", "rgb"))
    last, losses = train_prompts(store, names[:4], both(spec), config, Run(), rating_of=lambda text: next(ratings))
    assert not torch.equal(last["rgb"], two["rgb"]) and "rating" not in losses[-1]


def test_training_lowers_the_loss_and_separates_a_planted_defect_on_unseen_samples(
    store_and_names, spec, fill_store, tmp_path
):
    """Both branches rank a defect of samples they never saw above everything else; before training they do not."""
    store, names = store_and_names
    aligner, _ = train_aligner(store, names, DIM, AlignSettings(epochs=8), Run())
    branches = Branches(spec, both(spec).prompts, aligner)
    held_out, other_names = fill_store(tmp_path, seed=9)
    before = separation(
        held_out, other_names, branches, {name: module().detach() for name, module in branches.prompts.items()}
    )
    text, losses = train_prompts(store, names, branches, PromptSettings(epochs=40, learning_rate=1e-2), Run())
    after = separation(held_out, other_names, branches, text)
    assert losses[-1]["loss"] < 0.7 * losses[0]["loss"]
    for name in ("rendering", "rgb"):
        assert after[name] > 0.95 and after[name] > before[name], (name, before, after)


def separation(store, names, branches, text) -> dict[str, float]:
    """AUROC of the points of all samples, per branch, by its definition."""
    batch, scores = labelled_views(store, names, None, CPU), {}
    for name, (_, tokens) in branches.features(batch).items():
        maps = view_maps(patch_probabilities(tokens.flatten(0, 1), text[name]), (ROWS, ROWS), SIZE, True)
        points, seen = lifted(maps, batch.pixel_of_point, batch.visible)
        value, gt = points[:, 1][seen > 0], batch.defect[seen > 0] > 0
        bad, good = value[gt][:, None], value[~gt][None, :]
        scores[name] = float(((bad > good) + 0.5 * (bad == good)).float().mean())
    return scores


def test_maps_can_be_trained_at_a_lower_resolution(store_and_names, spec):
    """At half the pixels the losses stay close to the full ones; the stored masks are not touched."""
    store, names = store_and_names
    full, half = (
        prompt_losses(rendering_only(spec), labelled_views(store, names[:4], px, CPU), PromptSettings(), contrast=False)
        for px in (None, SIZE // 2)
    )
    assert torch.isclose(full["rendering_maps"], half["rendering_maps"], rtol=0.1)
    assert torch.isclose(full["rendering_points"], half["rendering_points"], rtol=0.1)


def test_branches_and_aligner_must_fit(spec):
    """An RGB branch without an aligner is a bug of the caller."""
    with pytest.raises(ValueError, match="rgb"):
        Branches(spec, both(spec).prompts)


def test_an_unknown_view_average_is_a_usage_error():
    """The choices are named."""
    with pytest.raises(UsageError, match="sample or published"):
        PromptSettings(view_average="mean")
