"""What `align` and `prompt-train` do alike: check, start, show progress, write the model, tell."""

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from align3d_cli.cli import output
from align3d_cli.cli.options import refuse_overwriting
from align3d_cli.cli.training_options import TrainingCall
from align3d_cli.errors import UsageError
from align3d_cli.helpers.toml import toml_of
from align3d_cli.training.settings import AlignSettings, PromptSettings

if TYPE_CHECKING:
    from align3d_cli.clouds.labelled import Sample
    from align3d_cli.model.bundle import Bundle
    from align3d_cli.model.profiles import Profile
    from align3d_cli.training.data import Data
    from align3d_cli.training.gather import Session
    from align3d_cli.training.session import Trained


def data_of(call: TrainingCall) -> "Data":
    """The auxiliary data of a call."""
    from align3d_cli.training.data import Data

    split, categories = None if call.split == "all" else call.split, tuple(call.category or ())
    return Data(call.dataset, call.root, categories, split, call.limit, call.count, call.data_seed, call.drawn)


def begin(call: TrainingCall, model: str | None) -> "tuple[Bundle, Profile]":
    """What the stage goes on from, the model of that name or path, else an untrained backbone; and its profile.

    Raises UsageError, EnvironmentMissing or InputRejected.
    """
    if model and (call.backbone or call.pretrained or call.weights):
        raise UsageError("--model brings its own image tower; leave --backbone, --pretrained and --weights out")
    from align3d_cli.datasets.registry import require_data
    from align3d_cli.model.find import check_out, find_model

    check_out(call.out)
    if not call.print_config:
        require_data(call.dataset, call.root)  # what is missing is told before torch is loaded
    if model:
        find_model(model)
    from align3d_cli.model.bundle import load_bundle, require_features
    from align3d_cli.model.start import profile_for, untrained
    from align3d_cli.render.settings import with_views

    loaded = load_bundle(model) if model else None
    if loaded:
        require_features(loaded)
    profile = profile_for(call.profile, loaded)
    bundle = loaded or untrained(
        profile,
        call.dataset,
        backbone=call.backbone,
        pretrained=call.pretrained,
        weights=call.weights,
        precision=call.precision,
    )
    return replace(bundle, views=with_views(bundle.views, call.views)), profile


def carry_out(
    call: TrainingCall,
    stage: Callable[..., "Trained"],
    bundle: "Bundle",
    profile: "Profile",
    settings: AlignSettings | PromptSettings,
) -> None:
    """Train, write the model and tell; or only show the settings, with --print-config.

    stage: of training.session; gets bundle, data, config, samples and session
    """
    data = data_of(call)
    if call.print_config:
        output.result(settings_of(call, bundle, profile, settings).rstrip())
    else:
        _train(partial(stage, bundle, data, config=settings), data, call, settings.epochs)


def settings_of(
    call: TrainingCall, bundle: "Bundle", profile: "Profile", settings: AlignSettings | PromptSettings
) -> str:
    """All settings of a call as TOML, which `--profile` takes; what is no setting stands in comments."""
    from align3d_cli.model.profiles import with_tower

    own = with_tower(profile, backbone=call.backbone, pretrained=call.pretrained, precision=call.precision)
    own = replace(own, views=bundle.views, scoring=bundle.scoring)
    if isinstance(settings, AlignSettings):
        own = replace(own, align=asdict(settings))
    else:
        own = replace(own, prompts=asdict(settings))
    origin = "its image tower, views and scoring are its own" if bundle.path else "new"
    notes = [f"# data: {json.dumps(asdict(data_of(call)), default=str)}", f"# model: {bundle.name} ({origin})"]
    return "\n".join([*notes, toml_of(own.as_dict())])


def _train(stage: Callable[..., "Trained"], data: "Data", call: TrainingCall, epochs: int) -> None:
    """Train, write the model, print the result; under torchrun only the first process writes and talks."""
    refuse_overwriting([call.out], force=call.force)
    import torch

    from align3d_cli.model.device import resolve_device
    from align3d_cli.training.distributed import joined, local_device
    from align3d_cli.training.gather import Session

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
        """Bring the bar to so many items done."""
        self.advance(done - self.done)
        self.done = done


def _tell(trained: "Trained", out: Path, as_json: bool) -> None:
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
    if as_json:
        output.result_json({"output": str(out), "sha256": bundle.sha256, **record, **places})
        return
    figures = ", ".join(f"{key} {value:.3f}" for key, value in record["metrics"].items() if value is not None)
    output.result(
        f"{out}: {data['n_samples']} samples, {record['epochs_done']} epochs, loss {record['losses']['loss']:.4f}"
    )
    output.result(figures)
    output.info(f"note: {record['protocol']}")
    output.info(f"losses of every epoch: {places['log']}")
