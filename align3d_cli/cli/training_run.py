"""What `align` and `prompt-train` do alike: check, start, show progress, write the model, tell."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from align3d_cli.cli import output
from align3d_cli.cli.options import check_views, refuse_overwriting
from align3d_cli.errors import UsageError

if TYPE_CHECKING:
    from align3d_cli.datasets.sample import Sample
    from align3d_cli.model.bundle import Bundle
    from align3d_cli.model.profiles import Profile
    from align3d_cli.training.data import Data
    from align3d_cli.training.session import Session, Trained

SPLITS = ("test", "train", "all")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the model comes from: an existing one, or an untrained backbone."""

    profile: str
    model: str | None = None
    backbone: str | None = None
    pretrained: str | None = None
    weights: Path | None = None
    precision: str = "float32"
    views: str | None = None

    def __post_init__(self) -> None:
        check_views(self.views)
        if self.model and (self.backbone or self.pretrained or self.weights):
            raise UsageError("--model brings its own image tower; leave --backbone, --pretrained and --weights out")

    def bundle(self, profile: "Profile", dataset: str) -> "Bundle":
        """The model to start from. Raises EnvironmentMissing or InputRejected."""
        from align3d_cli.model.bundle import load_bundle
        from align3d_cli.training.start import untrained

        if self.model:
            bundle = load_bundle(self.model)
        else:
            bundle = untrained(
                profile,
                dataset,
                backbone=self.backbone,
                pretrained=self.pretrained,
                weights=self.weights,
                precision=self.precision,
            )
        if self.views is None:
            return bundle
        named = {"count": int(self.views)} if self.views.isdigit() else {"preset": self.views}
        return replace(bundle, views=replace(bundle.views, **named))


def auxiliary(dataset, root, category, split, limit, count, data_seed) -> "Data":
    """The auxiliary data of a call. Raises UsageError for a split that does not exist."""
    from align3d_cli.training.data import Data

    if split not in SPLITS:
        raise UsageError(f"--split {split}: unknown; use one of {', '.join(SPLITS)}")
    return Data(dataset, root, tuple(category or ()), None if split == "all" else split, limit, count, data_seed)


def print_config(bundle: "Bundle", profile: "Profile", config: Any, data: "Data") -> None:
    """All settings of a call as JSON."""
    settings = {
        "profile": profile.settings(),
        "training": asdict(config),
        "data": asdict(data) | {"root": str(data.root) if data.root else None},
        "model": {"name": bundle.name, "encoder": bundle.encoder},
        "views": asdict(bundle.views),
        "scoring": asdict(bundle.scoring),
    }
    output.result_json(settings, indent=2)


def carry_out(
    stage: Callable[..., "Trained"],
    data: "Data",
    *,
    epochs: int,
    out: Path,
    device: str,
    store: Path | None,
    max_minutes: float | None,
    fresh: bool,
    json: bool,
    force: bool,
) -> None:
    """Train, write the model, print the result; under torchrun only the first process writes and talks."""
    refuse_overwriting([out], force=force)
    import torch

    from align3d_cli.model.device import resolve_device
    from align3d_cli.training.distributed import joined, local_device
    from align3d_cli.training.session import Session

    where = local_device(torch.device(resolve_device(device)))
    with joined(where) as workers:
        samples = data.samples()
        session = Session(str(where), store, max_minutes, fresh, workers)
        if workers.first:
            trained = with_progress(stage, samples, session, epochs)
        else:
            trained = stage(samples=samples, session=session)
        if workers.first:
            _tell(trained, out, json)


def with_progress(stage: Callable, samples: Sequence["Sample"], session: "Session", epochs: int) -> "Trained":
    """Run a stage under two bars, one after the other: samples read and encoded, epochs trained."""
    with Bars() as bars:
        bars.start("features", len(session.workers.share(samples)))

        def on_sample(name: str, failure: str | None) -> None:
            if failure:
                output.warn(f"{failure}; left out")
            bars.reach(bars.done + 1)

        def on_epoch(epoch: int, losses: dict[str, float]) -> None:
            if bars.description == "features":
                bars.start("epochs", epochs)
            bars.reach(epoch)

        return stage(samples=samples, session=replace(session, on_sample=on_sample, on_epoch=on_epoch))


class Bars:
    """One progress bar after the other: only one can be on the terminal."""

    def __init__(self) -> None:
        self.stack, self.description, self.done = ExitStack(), "", 0

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def start(self, description: str, total: int) -> None:
        """End the bar there is and begin another."""
        self.stack.close()
        self.advance = self.stack.enter_context(output.progress(description, total))
        self.description, self.done = description, 0

    def reach(self, done: int) -> None:
        self.advance(done - self.done)
        self.done = done


def _tell(trained: "Trained", out: Path, json: bool) -> None:
    from align3d_cli.model.bundle import save_bundle

    bundle, record = save_bundle(out, trained.bundle), trained.record
    data = record["data"]
    if data["n_failed"]:
        output.warn(f"{data['n_failed']} of {data['n_failed'] + data['n_samples']} samples could not be used")
    if not trained.complete:
        output.warn(f"stopped by the clock after epoch {record['epochs_done']} of {record['config']['epochs']}")
    places = {
        "log": str(trained.run.log),
        "store": str(trained.store.folder),
        "store_bytes": trained.store.bytes_on_disk(),
    }
    if json:
        output.result_json({"output": str(out), "sha256": bundle.sha256, **record, **places})
        return
    figures = ", ".join(f"{key} {value:.3f}" for key, value in record["metrics"].items() if value is not None)
    output.result(
        f"{out}: {data['n_samples']} samples, {record['epochs_done']} epochs, loss {record['losses']['loss']:.4f}"
    )
    output.result(figures)
    output.info(f"note: {record['protocol']}")
    output.info(f"losses of every epoch: {places['log']}")
