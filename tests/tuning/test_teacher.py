"""The teacher: what it reads, what the divergence is worth, and that a student stays near it."""

import math
from dataclasses import replace

import pytest
import torch

from align3d_cli.encoders.lite import LiteEncoder
from align3d_cli.errors import InputRejected
from align3d_cli.helpers.identity import differences
from align3d_cli.model.bundle import Bundle
from align3d_cli.model.prompts import VectorPrompts
from align3d_cli.model.settings import ScoringSettings
from align3d_cli.render.geometry import relief_channels
from align3d_cli.render.settings import ViewSettings
from align3d_cli.tuning.teacher import Teacher, divergence
from align3d_cli.tuning.tune import TuneConfig
from align3d_cli.tuning.tune_data import SCAN_POINTS, SampleViews, ViewPool
from align3d_cli.tuning.tuner import Tuner

SIZE, ENCODER = 64, {"image_size": 64, "embed_dim": 8, "width": 16}
CONFIG = TuneConfig(steps=60, batch=4, samples_per_step=1.0, views_per_sample=8, pool_views=8, learning_rate=3e-2)


@pytest.fixture
def bundle() -> Bundle:
    """A model on random weights."""
    torch.manual_seed(1)
    tensors = {f"encoder.{key}": value for key, value in LiteEncoder(**ENCODER).state_dict().items()}
    tensors["text.rendering"] = VectorPrompts(8, seed=3)().detach()
    views = ViewSettings(size_px=SIZE)
    return Bundle("tiny", {"name": "lite"} | ENCODER, tensors, views, ScoringSettings(0.07))


@pytest.fixture
def pool() -> ViewPool:
    """Eight smooth random surfaces without a defect."""
    coarse = torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(4))
    depth = 8 * torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bicubic")[:, 0]
    views = ViewPool(8, SIZE, "cpu")
    target, pixel = torch.ones(8, SIZE, SIZE, dtype=torch.uint8), torch.zeros(8, SCAN_POINTS, dtype=torch.int32)
    views.add(SampleViews(depth.numpy(), target.numpy(), pixel.numpy()))
    return views


def test_divergence_by_hand():
    """Taught 1/2, said 3/4: ln of 1/2 over the square root of 3/16. Nothing where both agree, or without weight."""
    taught = torch.tensor([[0.5, 0.3, 0.9]])
    logits = torch.tensor([[math.log(3), math.log(0.3 / 0.7), 7.0]])
    expected = math.log(0.5 / math.sqrt(3 / 16))
    assert divergence(logits, taught, torch.tensor([[1.0, 0.0, 0.0]])).item() == pytest.approx(expected, rel=1e-5)
    assert divergence(logits, taught, torch.tensor([[1.0, 1.0, 0.0]])).item() == pytest.approx(expected / 2, rel=1e-5)


def test_it_reads_the_view_in_mirror_and_answers_in_its_order(bundle, pool):
    """What it says of a surface is, token by token, what the model says of the mirrored surface."""
    mask = torch.ones(8, SIZE, SIZE, dtype=torch.bool)
    teacher = Teacher(bundle, SIZE)
    said = teacher.probabilities(relief_channels(pool.depth, mask)).unflatten(1, (16, 16))
    _, tokens = teacher.encoder(relief_channels(pool.depth.flip(-1), mask))
    text = torch.nn.functional.normalize(bundle.tensors["text.rendering"], dim=-1)
    expected = torch.sigmoid(tokens @ (text[1] - text[0]) / 0.07).unflatten(1, (16, 16)).flip(-1)
    torch.testing.assert_close(said, expected, atol=3e-3, rtol=0)  # noise is measured on every fourth column
    assert (said - said.flip(-1)).abs().max() > 0.03


@pytest.mark.slow
def test_a_student_comes_near_its_teacher(bundle, pool):
    """In sixty steps the divergence falls to less than half; without a teacher there is no such term."""
    torch.manual_seed(0)
    encoder, prompts = LiteEncoder(**ENCODER), VectorPrompts(8)
    tuner = Tuner(encoder, prompts, replace(CONFIG, teacher_weight=20.0), teacher=Teacher(bundle, SIZE))
    course = [float(tuner.train_step(pool)["teacher"]) for _ in range(CONFIG.steps)]
    assert sum(course[-5:]) < 0.5 * sum(course[:5])
    assert "teacher" not in Tuner(encoder, prompts, CONFIG).train_step(pool)


def test_another_teacher_is_another_run(bundle, tmp_path):
    """The job counts the teacher's bytes, not its name, among what decides its result."""
    from align3d_cli.model.bundle import save_bundle
    from align3d_cli.tuning.tune_job import TuneJob

    save_bundle(tmp_path / "one.safetensors", bundle)
    other = replace(bundle, tensors=bundle.tensors | {"text.rendering": -bundle.tensors["text.rendering"]})
    save_bundle(tmp_path / "two.safetensors", other)
    config = replace(CONFIG, views_per_sample=2)
    job = TuneJob(tmp_path / "out.safetensors", config, ENCODER, teacher=tmp_path / "one.safetensors")
    second = replace(job, teacher=tmp_path / "two.safetensors")
    assert differences(job.identity(), second.identity())[0].startswith("teacher: ")
    save_bundle(tmp_path / "two.safetensors", bundle)
    assert differences(job.identity(), second.identity()) == []


@pytest.mark.parametrize("role", ["start", "teacher"])
def test_a_tower_that_cannot_be_tuned_is_refused(bundle, tmp_path, role):
    """A CLIP model neither begins nor teaches a tuning; the line names its tower and the next step."""
    from align3d_cli.model.bundle import save_bundle
    from align3d_cli.tuning.tune_job import TuneJob

    path = tmp_path / "clip.safetensors"
    save_bundle(path, replace(bundle, encoder={"name": "ViT-B-16"}))
    with pytest.raises(InputRejected, match=r"clip\.safetensors: its tower is ViT-B-16; give a model"):
        TuneJob(tmp_path / "out.safetensors", CONFIG, ENCODER, **{role: path}).tuner()
