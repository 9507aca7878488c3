"""What `align` and `prompt-train` do alike: check, start, show progress, write the model, tell."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from align3d_cli.cli import output
from align3d_cli.cli.options import check_views, refuse_overwriting
from align3d_cli.errors import UsageError

if TYPE_CHECKING:
    from align3d_cli.clouds.labelled import Sample
    from align3d_cli.model.bundle import Bundle
    from align3d_cli.model.profiles import Profile
    from align3d_cli.training.data import Data
    from align3d_cli.training.session import Session, Trained

SPLITS = ("test", "train", "all")


@dataclass(frozen=True, slots=True)
class Call:
    """The options that both stages share, as a command got them; training_options says what each means.

    Raises UsageError for views and splits that do not exist.
    """

    dataset: str
    out: Path
    root: Path | None
    category: list[str] | None
    split: str
    limit: int | None
    count: int
    data_seed: int
    backbone: str | None
    pretrained: str | None
    weights: Path | None
    profile: str | None
    views: str | None
    precision: str
    epochs: int | None
    batch: int | None
    learning_rate: float | None
    seed: int
    store: Path | None
    device: str
    max_minutes: float | None
    fresh: bool
    json: bool
    force: bool
    print_config: bool

    def __post_init__(self) -> None:
        check_views(self.views)
        if self.split not in SPLITS:
            raise UsageError(f"--split {self.split}: unknown; use one of {', '.join(SPLITS)}")

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> "Call":
        """The shared ones among a command's arguments by name, its `locals()`."""
        return cls(**{field.name: arguments[field.name] for field in fields(cls)})

    @property
    def schedule(self) -> dict[str, Any]:
        """What either stage's configuration takes from them; None keeps the profile's."""
        return {name: getattr(self, name) for name in ("epochs", "batch", "learning_rate", "seed")}

    def data(self) -> "Data":
        """The auxiliary data."""
        from align3d_cli.training.data import Data

        split, categories = None if self.split == "all" else self.split, tuple(self.category or ())
        return Data(self.dataset, self.root, categories, split, self.limit, self.count, self.data_seed)

    def begin(self, model: str | None) -> "tuple[Bundle, Profile]":
        """What the stage goes on from, the model of that name or path, else an untrained backbone; and its profile.

        Raises UsageError, EnvironmentMissing or InputRejected.
        """
        tower = {name: getattr(self, name) for name in ("backbone", "pretrained", "weights")}
        if model and any(tower.values()):
            raise UsageError("--model brings its own image tower; leave --backbone, --pretrained and --weights out")
        from align3d_cli.model.bundle import load_bundle
        from align3d_cli.model.start import profile_for, untrained

        loaded = load_bundle(model) if model else None
        profile = profile_for(self.profile, loaded)
        bundle = loaded or untrained(profile, self.dataset, **tower, precision=self.precision)
        if self.views is not None:
            from align3d_cli.render.draw import asked_views

            bundle = replace(bundle, views=replace(bundle.views, **asked_views(self.views)))
        return bundle, profile

    def carry_out(self, stage: Callable[..., "Trained"], bundle: "Bundle", profile: "Profile", config: Any) -> None:
        """Train, write the model and tell; or only show the settings, with --print-config.

        stage: of training.session; gets bundle, data, config, samples and session
        """
        data = self.data()
        if self.print_config:
            _print_config(bundle, profile, config, data)
        else:
            _train(partial(stage, bundle, data, config=config), data, self, config.epochs)


def _print_config(bundle: "Bundle", profile: "Profile", config: Any, data: "Data") -> None:
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


def _train(stage: Callable[..., "Trained"], data: "Data", call: Call, epochs: int) -> None:
    """Train, write the model, print the result; under torchrun only the first process writes and talks."""
    refuse_overwriting([call.out], force=call.force)
    import torch

    from align3d_cli.model.device import resolve_device
    from align3d_cli.training.distributed import joined, local_device
    from align3d_cli.training.session import Session

    where = local_device(torch.device(resolve_device(call.device)))
    with joined(where) as workers:
        samples = data.samples()
        session = Session(str(where), call.store, call.max_minutes, call.fresh, workers)
        if workers.first:
            trained = with_progress(stage, samples, session, epochs)
        else:
            trained = stage(samples=samples, session=session)
        if workers.first:
            _tell(trained, call.out, call.json)


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
        "seconds": trained.seconds,
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
