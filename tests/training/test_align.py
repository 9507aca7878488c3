"""Stage 1: the aligner learns the turn between two feature spaces, and its weights follow the schedule."""

import numpy as np
import pytest
import torch

from align3d_cli.errors import UsageError
from align3d_cli.model.aligner import Aligner
from align3d_cli.training.align import alignment_losses, drawn_tokens, mean_cosines, train_aligner
from align3d_cli.training.run import Run
from align3d_cli.training.settings import AlignSettings

CPU, DIM = torch.device("cpu"), 16


def test_training_brings_unseen_samples_closer_to_their_colour_features(store_and_names, fill_store, tmp_path):
    """On samples it never saw, the aligned features point to the coloured ones; before training they do not."""
    store, names = store_and_names
    aligner, losses = train_aligner(
        store, names, DIM, AlignSettings(epochs=60, reweight_epochs=10, learning_rate=1e-2), Run()
    )
    assert losses[-1]["cosine_local"] > losses[0]["cosine_local"]
    held_out, other_names = fill_store(tmp_path, seed=5)
    cosines = mean_cosines(aligner, held_out, other_names, CPU)
    assert cosines["local_after"] > 0.8 > cosines["local_before"]
    assert cosines["global_after"] > 0.8 > cosines["global_before"]


def test_the_plain_loss_is_one_minus_cosine_by_hand(store_and_names):
    """Without reweighting, the loss is 2 minus the mean cosines of the global features and of the tokens."""
    store, names = store_and_names
    aligner = Aligner(DIM, seed=3)
    found = alignment_losses(aligner, store, names[:2], AlignSettings(epochs=9, reweight_epochs=0), 0, CPU)
    by_hand = []
    for name in names[:2]:
        s = {
            key: torch.nn.functional.normalize(value.float(), dim=-1)
            for key, value in store.get(name).items()
            if "_" in key and value.ndim > 1 and value.is_floating_point()
        }
        pooled, tokens = aligner(s["render_global"], s["render_tokens"])
        by_hand.append(2 - (pooled * s["rgb_global"]).sum(-1).mean() - (tokens * s["rgb_tokens"]).sum(-1).mean())
    assert torch.isclose(found["loss"], torch.stack(by_hand).mean(), atol=1e-6)


@pytest.mark.parametrize(("form", "low", "high"), [("published", 1.2, 1.8), ("discrepancy", 1.0, 2.0)])
def test_reweighting_runs_in_the_last_epochs_only(store_and_names, form, low, high):
    """The weighted loss is larger by the weights' range, and only from epoch 250 - 50 on."""
    store, names = store_and_names
    config, aligner = AlignSettings(reweight=form), Aligner(DIM, seed=3)
    early, late = (alignment_losses(aligner, store, names[:3], config, epoch, CPU) for epoch in (199, 200))
    local = 1 - early["cosine_local"]
    extra = late["loss"] - early["loss"]
    assert (low - 1) * local < extra < (high - 1) * local


def test_an_unknown_reweighting_is_a_usage_error():
    """The choices are named in the message."""
    with pytest.raises(UsageError, match="published, discrepancy or none"):
        AlignSettings(reweight="best")


def test_the_seed_decides_the_result(store_and_names):
    """Same seed, same bytes; another seed, another aligner."""
    store, names = store_and_names
    first, again, other = (
        train_aligner(store, names[:4], DIM, AlignSettings(epochs=2, seed=seed), Run())[0].state_dict()
        for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not np.allclose(first["local_mlp.input.weight"], other["local_mlp.input.weight"])


def test_drawn_tokens_are_distinct_seeded_and_the_same_of_every_view(store_and_names):
    """Three of a view's tokens stand for all: the loss is that of exactly these rows; another epoch draws others."""
    store, names = store_and_names
    config, aligner = AlignSettings(tokens_per_view=3, reweight_epochs=0), Aligner(DIM, seed=3)
    count = store.get(names[0])["render_tokens"].shape[1]
    rows = drawn_tokens(names[:2], config, 0, count)
    assert len(set(rows.tolist())) == 3
    assert torch.equal(rows, drawn_tokens(names[:2], config, 0, count))
    assert any(not torch.equal(rows, drawn_tokens(names[:2], config, epoch, count)) for epoch in range(1, 5))
    found = alignment_losses(aligner, store, names[:2], config, 0, CPU)
    cosines = []
    for name in names[:2]:
        stored = store.get(name)
        given, wanted = (
            torch.nn.functional.normalize(stored[key][:, rows].float(), dim=-1)
            for key in ("render_tokens", "rgb_tokens")
        )
        aligned = torch.nn.functional.normalize(aligner.local_mlp(given), dim=-1)
        cosines.append((aligned * wanted).sum(-1).mean())
    assert torch.isclose(found["cosine_local"], torch.stack(cosines).mean(), atol=1e-6)


def test_asking_for_more_tokens_than_there_are_takes_all():
    """None and a large number mean the published way: every token of every view."""
    assert drawn_tokens(["a"], AlignSettings(), 0, 9) is None
    assert drawn_tokens(["a"], AlignSettings(tokens_per_view=9), 0, 9) is None


def test_the_published_order_replays_the_batches_of_the_first_epoch(store_and_names, monkeypatch):
    """Shuffled once: all epochs go through the same batches one after the other; ours are shuffled anew."""
    store, names = store_and_names
    for order, alike in (("once", True), ("each epoch", False)):
        seen: list[tuple[str, ...]] = []
        given = store.get

        def watched(name, keys, seen=seen, given=given):
            seen.append(name)
            return given(name, keys)

        monkeypatch.setattr(store, "get", watched)
        train_aligner(store, names, DIM, AlignSettings(epochs=2, reweight_epochs=0, order=order), Run())
        monkeypatch.setattr(store, "get", given)
        first, second = seen[: len(names)], seen[len(names) :]
        assert sorted(first) == sorted(second) == sorted(names) and (first == second) is alike
