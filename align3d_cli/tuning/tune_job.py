"""One tuning run from its arguments to a bundle on disk: what it starts from, what it learns from, what it leaves."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from align3d_cli.encoders.lite import LiteEncoder
from align3d_cli.encoders.lite_trunk import load_imagenet_file
from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.files import check_free
from align3d_cli.model.bundle import Bundle, load_bundle, save_bundle
from align3d_cli.model.find import check_out
from align3d_cli.model.prompts import VectorPrompts
from align3d_cli.model.settings import ScoringSettings
from align3d_cli.render.settings import ViewSettings
from align3d_cli.synthetic.samples import make_sample, mesh_sources
from align3d_cli.training.loop import train
from align3d_cli.training.run import LossLog, Run
from align3d_cli.tuning.ranking import TOP_SHARE
from align3d_cli.tuning.steps import Steps
from align3d_cli.tuning.teacher import Teacher
from align3d_cli.tuning.tune import TuneConfig
from align3d_cli.tuning.tune_data import SampleViews, ViewPool, stream, views_of
from align3d_cli.tuning.tuner import Tuner

ATTEMPTS = 20  # a stream that fails that often in a row is broken
RELIEF_SHARE = 0.15  # of the generated parts: the only family that is a landscape, not an object
CHECKPOINT_SECONDS = 120.0  # what a killed run loses at most
LOG_STEPS = 50  # a line of the log is the mean over these


@dataclass(frozen=True, slots=True)
class ScanMaker:
    """Makes the scan of a number, the same one in every process; sent to the worker processes by value.

    meshes: of each folder, which are drawn from alike however many a folder holds
    """

    seed: int
    meshes: tuple[tuple[str, ...], ...]
    mesh_share: float
    plan: ViewSettings
    views: int

    def __call__(self, index: int) -> SampleViews:
        """The views of one scan; a part that the virtual scanner missed is drawn anew."""
        for attempt in range(ATTEMPTS):
            try:
                return self._make(np.random.default_rng([self.seed, index, attempt]))
            except InputRejected as error:
                rejected = error
        raise rejected

    def _make(self, rng: np.random.Generator) -> SampleViews:
        source = None
        if self.meshes and rng.random() < self.mesh_share:
            source = str(rng.choice(self.meshes[rng.integers(len(self.meshes))]))
        if source is None and rng.random() < RELIEF_SHARE:
            source = "relief"
        labelled = make_sample(int(rng.integers(2**31)), source=source).scan
        return views_of(labelled, self.plan, self.views, rng)


@dataclass(frozen=True, slots=True)
class TuneJob:
    """What to tune, from what, on what. encoder: arguments of LiteEncoder; the rest as in `align3d tune --help`."""

    out: Path
    config: TuneConfig
    encoder: dict[str, Any]
    imagenet: Path | None = None
    start: Path | None = None
    teacher: Path | None = None
    meshes: tuple[Path, ...] = ()
    mesh_share: float = 0.4
    device: str = "cpu"
    jobs: int = 2
    max_minutes: float | None = None
    force: bool = False

    def run(self, log: Callable[[str], None], advance: Callable[[int], None]) -> None:
        """Train to the last step, or to the time limit and a checkpoint; writes the bundle at `out` either way.

        log: gets the lines of the log, `advance` the number of steps done since it was last called
        Raises UsageError where `out` is taken, InputRejected for a checkpoint of another run, and as `train`.
        """
        check_out(check_free(self.out, force=True))  # before hours of work; whether it is taken is told below
        run = Run(
            self.folder,
            self.identity(),
            device=torch.device(self.device),
            max_minutes=self.max_minutes,
            save_seconds=CHECKPOINT_SECONDS,
            anew="give another --out, or --force to begin anew",
            on_unit=lambda done: advance(1),
            on_line=lambda line: log(json.dumps(line)),
        )
        if self.out.exists() and not (self.force or run.kept):
            raise UsageError(f"{self.out}: exists already; give --force or another --out")
        if self.force:
            run.forget()
        tuner, per_scan = self.tuner(), self.config.views_per_sample
        pool = ViewPool(self.config.pool_views // per_scan * per_scan, self.view_px, self.device)
        with closing(Steps(tuner, pool, lambda first: stream(self.maker(), first, self.jobs))) as steps:
            train(steps, self.config.steps, run, LossLog("step", LOG_STEPS))
        self.save(tuner)

    @property
    def folder(self) -> Path:
        """Where the run keeps its checkpoint and its log."""
        return self.out.with_suffix(".run")

    @property
    def view_px(self) -> int:
        """Side of the views."""
        return int(self.encoder["image_size"])

    def tuner(self) -> Tuner:
        """What the run begins with."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            encoder = LiteEncoder(**self.encoder | {"image_size": self.config.crop_px or self.view_px})
        prompts = VectorPrompts(encoder.spec.embed_dim, seed=self.config.seed)
        start, taught = tuned_bundle(self.start), tuned_bundle(self.teacher)
        teacher = Teacher(taught, encoder.spec.image_size, self.device) if taught else None
        tuner = Tuner(encoder, prompts, self.config, self.device, teacher)
        if start:
            tuner.load({key: value.float() for key, value in start.tensors.items()})
        elif self.imagenet:
            load_imagenet_file(tuner.encoder.trunk, self.imagenet)
        return tuner

    def identity(self) -> dict[str, Any]:
        """What decides the result, so that a checkpoint of another run is known by it."""
        start, teacher = tuned_bundle(self.start), tuned_bundle(self.teacher)
        return asdict(self.config) | {
            "encoder": self.encoder,
            "start": start.sha256 if start else None,
            "teacher": teacher.sha256 if teacher else None,
            "imagenet": sha256_of(self.imagenet) if self.imagenet and os.path.isfile(self.imagenet) else None,
            "meshes": [[path.name for path in mesh_sources(folder)] for folder in self.meshes],
            "mesh_share": self.mesh_share,
        }

    def maker(self) -> ScanMaker:
        """What makes the scans that the run learns from."""
        sources = tuple(tuple(str(path) for path in mesh_sources(folder)) for folder in self.meshes)
        plan = ViewSettings(size_px=self.view_px)
        return ScanMaker(self.config.seed, sources, self.mesh_share, plan, self.config.views_per_sample)

    def save(self, tuner: Tuner) -> None:
        """Write the averaged weights as a model at `out`."""
        save_bundle(self.out, self._bundle(tuner))

    def _bundle(self, tuner: Tuner) -> Bundle:
        tensors = {key: value.half() if value.is_floating_point() else value for key, value in tuner.average.items()}
        tensors["text.rendering"] = torch.nn.functional.normalize(tuner.average["text.rendering"], dim=-1)
        return Bundle(
            name="align3d-lite",
            encoder={"name": "lite"} | self.encoder,
            tensors=tensors,
            views=ViewSettings(size_px=self.view_px, frame="scan", blend="gradual"),  # a turned scan keeps its score
            scoring=ScoringSettings(
                self.config.temperature,
                rgb_weight_object=0.25,  # more ranks parts of one kind better and parts of many kinds worse
                object_form="top",
                top_share=TOP_SHARE,
                wide_weight=1 / 3,
                view_weight="incidence",
                view_power=2.0,
                level_share=0.5,
            ),
            record={"tune": asdict(self.config) | {"steps_done": tuner.step, "meshes": self.mesh_share}},
        )


def tuned_bundle(path: Path | None) -> Bundle | None:
    """The model at a path, or None for None. Raises InputRejected for one whose tower cannot be tuned."""
    bundle = load_bundle(path) if path else None
    if bundle and bundle.encoder["name"] != "lite":
        raise InputRejected(f"{path}: its tower is {bundle.encoder['name']}; give a model that `align3d tune` wrote")
    return bundle
