"""The auxiliary data of a stage as features: gathered once into a store, under the settings of a session."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from align3d_cli.clouds.labelled import Sample
from align3d_cli.encoders.encoder import EncoderSpec
from align3d_cli.errors import InputRejected
from align3d_cli.helpers.digest import digest_of_settings
from align3d_cli.helpers.places import cache_dir
from align3d_cli.model.bundle import Bundle, require_features
from align3d_cli.model.parts import bundle_encoder
from align3d_cli.model.start import rgb_tower, with_view_size
from align3d_cli.training.data import Data
from align3d_cli.training.distributed import ALONE, Workers
from align3d_cli.training.extract import Built, Extraction, build_store
from align3d_cli.training.features import STORE_FORMAT, FeatureStore
from align3d_cli.training.run import Run


@dataclass(frozen=True, slots=True)
class Session:
    """Where and how a run works.

    store: folder of features, None for one in the user's cache, named by what is in it
    fresh: forget what an earlier run of the same settings did
    on_sample, on_epoch: called as work goes on, for progress
    """

    device: str = "cpu"
    store: Path | None = None
    max_minutes: float | None = None
    fresh: bool = False
    workers: Workers = ALONE
    max_points: int | None = None
    on_sample: Callable[[str, str | None], None] = lambda name, failure: None
    on_epoch: Callable[[int, dict[str, float]], None] = lambda epoch, losses: None

    def run(self, store: FeatureStore, stage: str, settings: dict[str, Any]) -> Run:
        """The run of a stage under these settings; its folder lies in the store."""
        identity = {"store": store.hash, "stage": stage, **settings}
        run = Run(
            store.folder / "runs" / f"{stage}-{digest_of_settings(identity)[:12]}",
            identity,
            self.workers,
            torch.device(self.device),
            self.max_minutes,
            on_line=lambda line: self.on_epoch(int(line["epoch"]), line),
        )
        if self.fresh and self.workers.first:
            run.forget()
        self.workers.gather(None)
        return run


@dataclass(frozen=True, slots=True)
class Features:
    """A model's features of the auxiliary data."""

    store: FeatureStore
    built: Built
    spec: EncoderSpec
    samples: Sequence[Sample] = field(repr=False)

    @property
    def names(self) -> list[str]:
        """Names of the samples that can be used, in order."""
        return self.built.names

    def facts(self) -> dict[str, Any]:
        """For the result and the model's record."""
        used = set(self.names)
        return {
            "n_samples": len(used),
            "n_anomalous": sum(sample.anomalous for sample in self.samples if sample.name in used),
            "categories": sorted({sample.category for sample in self.samples if sample.name in used}),
            "n_failed": len(self.built.failures),
            "failures": [{"sample": name, "reason": reason} for name, reason in self.built.failures],
        }


def gather_features(bundle: Bundle, data: Data, samples: Sequence[Sample], session: Session, *, rgb: bool) -> Features:
    """The features of all samples, stored; the towers leave memory before training starts."""
    require_features(bundle)
    encoder = bundle_encoder(bundle, session.device)
    extraction = Extraction(
        encoder,
        with_view_size(bundle, encoder).views,
        rgb_tower(bundle, encoder, session.device) if rgb else None,
        session.device,
        drawn=data.drawn,
    )
    if session.max_points:
        extraction = replace(extraction, max_points=session.max_points)
    identity = extraction.identity() | {"data": data.identity()}
    identity["encoder"]["settings"] = bundle.encoder.get("settings", {})
    own = digest_of_settings(identity | {"format": STORE_FORMAT})[:16]  # beside what other versions have cached
    folder = session.store or cache_dir() / "features" / own
    store = FeatureStore(folder, identity)
    built = build_store(store, samples, extraction, session.workers, session.on_sample)
    return Features(store, built, encoder.spec, samples)


def with_point_labels(features: Features) -> Features:
    """Without the defective scans whose points nobody labelled: their masks say nothing. They count as failures."""
    blank = {sample.name for sample in features.samples if not sample.point_labels}
    built = features.built
    names = [name for name in built.names if name not in blank]
    failures = [(name, "its points are not labelled") for name in built.names if name in blank]
    if not names:
        raise InputRejected("no sample has labelled points, which stage 2 needs; add label files (gt) to the data set")
    return replace(features, built=replace(built, names=names, failures=built.failures + failures))
