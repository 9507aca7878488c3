"""What align3d keeps on disk and reads again, in small: how each is written, read, and what of it may be missing."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from align3d_cli.evaluation.question import Question
from align3d_cli.evaluation.runlog import read_run
from align3d_cli.evaluation.runner import run_benchmark
from align3d_cli.evaluation.table_text import render
from align3d_cli.evaluation.tables import build_table
from align3d_cli.helpers.digest import digest_of_arrays, sha256_of
from align3d_cli.helpers.manifest import write_manifest
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.bundle import Bundle, load_bundle, save_bundle
from align3d_cli.model.parts import bundle_aligner, bundle_encoder, check_fit
from align3d_cli.render.settings import ViewSettings
from align3d_cli.report.read_results import RECORD
from align3d_cli.report.result import FIELDS
from align3d_cli.running.batch import Outcome
from align3d_cli.running.inputs import Part
from align3d_cli.running.record import Record
from align3d_cli.training.checkpoint import load_checkpoint, save_checkpoint
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.sample_features import SampleFeatures

DIM = 16  # of the joint space of the small models
CLIP: dict[str, Any] = {
    "embed_dim": DIM,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "patch_size": 8, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}
IDENTITY = {"encoder": "small", "views": 9, "betas": [0.5, 0.999]}
SAMPLES = ("part/test/good/000", "part/test/dent/001")


def nothing_less(found: Any, sound: Any) -> bool:
    """All or nothing."""
    return False


@dataclass(frozen=True, slots=True)
class Kind:
    """write: a sound one into an empty folder; read: what it says, or the refusal; less: may it tell this much less?"""

    write: Callable[[Path], object]
    read: Callable[[Path], Any]
    less: Callable[[Any, Any], bool] = nothing_less


def write_model(folder: Path) -> None:
    """A model of both branches whose tower has random weights, listed in a manifest."""
    rng = torch.Generator().manual_seed(0)
    texts = {
        f"text.{branch}": torch.nn.functional.normalize(torch.randn(2, DIM, generator=rng))
        for branch in ("rendering", "rgb")
    }
    aligner = {f"aligner.{key}": value for key, value in Aligner(DIM, seed=0).state_dict().items()}
    tower = {"name": "small", "config": CLIP, "random_seed": 0}
    views = ViewSettings(count=3, size_px=CLIP["vision_cfg"]["image_size"])
    save_bundle(folder / "m.safetensors", Bundle("small", tower, texts | aligner, views, record={"seed": 1}))


def write_listed_model(folder: Path) -> None:
    """The same with a manifest beside it, which every load is checked against."""
    write_model(folder)
    write_manifest(folder, licence="none", source="here")


def read_model(folder: Path) -> Any:
    """All that a model's scores depend on, and its record, as scoring takes it up."""
    bundle = load_bundle(folder / "m.safetensors")
    check_fit(bundle, bundle_encoder(bundle, "cpu"))
    bundle_aligner(bundle, "cpu")
    facts = [bundle.name, bundle.encoder, bundle.views, bundle.scoring, bundle.calibration, bundle.record]
    return facts, digest_of_arrays(bundle.tensors)


def write_run(folder: Path) -> None:
    """A benchmark of geometry alone over six small plates, two of them with a bump."""
    data, rng = folder.with_name("data"), np.random.default_rng(3)
    for kind, number in (*(("good", i) for i in range(4)), ("bump", 0), ("bump", 1)):
        xy = rng.uniform(-1, 1, (600, 2))
        bump = (np.hypot(*(xy - 0.3).T) < 0.2) & (kind == "bump")
        xyz = np.column_stack([xy, 0.1 * xy[:, 0] ** 2 + 0.15 * bump])
        for root, values in ((data / kind, xyz), (data / "gt" / kind, bump)):
            root.mkdir(parents=True, exist_ok=True)
            np.save(root / f"{number}.npy", values)
    run_benchmark(Question("folder", data, methods=("curvature",)), folder)


def read_table(folder: Path) -> Any:
    """The table of a run."""
    return json.loads(render(build_table(read_run(folder)), "json"))


def says_incomplete(found: Any, sound: Any) -> bool:
    """Whether a table says of itself that it is not whole."""
    return not found["complete"] and any(note.startswith("INCOMPLETE") for note in found["notes"])


def _parts(folder: Path) -> list[Part]:
    return [Part(str(folder / f"{name}.xyz"), Path(f"{name}.xyz"), folder / f"{name}.ply") for name in "abc"]


def write_record(folder: Path) -> None:
    """Three heat maps on record; what stands in them is nobody's business here."""
    record = Record(folder / RECORD, "key of the call")
    record.begin(_parts(folder))
    for number, part in enumerate(_parts(folder)):
        Path(part.name).write_bytes(b"scan %d" % number)
        part.output.write_bytes(b"heat map %d" % number)
        told = {"input": part.name, "input_sha256": sha256_of(part.name), "score": number / 7}
        record.add(Outcome(part, dict.fromkeys(FIELDS) | told))


def read_record(folder: Path) -> Any:
    """What a call with --resume would take over."""
    return Record(folder / RECORD, "key of the call").kept(_parts(folder))


def fewer_kept(found: Any, sound: Any) -> bool:
    """What is not kept is scored again; what is kept must be as it was."""
    return found.items() <= sound.items()


def sample(number: int) -> SampleFeatures:
    """Features of two views of a scan of 21 points."""
    rng = torch.Generator().manual_seed(number)
    masks = torch.rand(2, 9, 9, generator=rng) < 0.3
    return SampleFeatures(
        *(torch.randn(2, *shape, generator=rng) for shape in ((8,), (5, 8), (8,), (5, 8))),
        view_masks=masks,
        view_labels=masks.flatten(1).any(dim=1),
        label=bool(number),
        pixel_of_point=torch.randint(-1, 81, (2, 21), generator=rng, dtype=torch.int32),
        visible=torch.rand(2, 21, generator=rng) < 0.5,
        defect=torch.rand(21, generator=rng) < 0.2,
    )


def write_store(folder: Path) -> None:
    """A feature store of two samples."""
    store = FeatureStore(folder, IDENTITY)
    for number, name in enumerate(SAMPLES):
        store.put(name, sample(number))


def read_store(folder: Path) -> Any:
    """Everything that training reads of a store."""
    store, found = FeatureStore(folder, IDENTITY), {}
    for name in SAMPLES:
        if not store.has(name, rgb=True):
            raise AssertionError(f"{name} is there and does not count")
        values = store.get(name)
        found[name] = values.pop("label"), digest_of_arrays(values)
    return found


def write_checkpoint(folder: Path) -> None:
    """A checkpoint with tensors and numbers, nested as an optimiser's state is."""
    moments = {number: {"step": torch.tensor(7.0), "exp_avg": torch.linspace(0, 1, 40)} for number in range(3)}
    state = {"epoch": 3, "weights": {"w": torch.arange(50.0).reshape(5, 10)}, "optimiser": {"state": moments}}
    save_checkpoint(folder / "checkpoint.safetensors", state, IDENTITY)


def read_checkpoint(folder: Path) -> Any:
    """The state that training would go on from, its tensors as lists."""
    state = load_checkpoint(folder / "checkpoint.safetensors", IDENTITY, "start anew with --fresh")
    return json.dumps(state, default=lambda tensor: [str(tensor.dtype), tensor.tolist()])


KINDS = {
    "model": Kind(write_model, read_model),
    "listed model": Kind(write_listed_model, read_model),
    "run log": Kind(write_run, read_table, says_incomplete),
    "record": Kind(write_record, read_record, fewer_kept),
    "feature store": Kind(write_store, read_store),
    "checkpoint": Kind(write_checkpoint, read_checkpoint),
}
