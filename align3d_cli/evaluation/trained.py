"""The models of one-vs-rest and cross-dataset: one for each auxiliary category and seed, trained on its test split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from align3d_cli.clouds.settings import Drawing
from align3d_cli.datasets.settings import GENERATED, PRERENDERED
from align3d_cli.errors import InputRejected
from align3d_cli.evaluation.arms import Arm, drawn_as, methods_of_branches
from align3d_cli.evaluation.protocols import branches_of
from align3d_cli.evaluation.question import Question
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.model.bundle import Bundle, load_bundle, save_bundle
from align3d_cli.model.profiles import Profile
from align3d_cli.model.start import profile_for, views_for
from align3d_cli.render.settings import ViewSettings
from align3d_cli.training import session as training
from align3d_cli.training import start
from align3d_cli.training.data import Data
from align3d_cli.training.extract import NoColour
from align3d_cli.training.gather import Session

SYNTHETIC_COUNT = 12  # generated scans of an auxiliary category without --limit, as many as are tested of each


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trains into the run's folder; models that are there already are taken as they are.

    folder: of the run; say: told what begins, in words
    """

    question: Question
    base: Bundle
    methods: tuple[str, ...]
    folder: Path
    say: Callable[[str], None] = lambda text: None

    @property
    def profile(self) -> Profile:
        """Settings of both stages: as asked for, as the base model was trained, else `align3d`."""
        return profile_for(self.question.profile, self.base)

    @property
    def views(self) -> ViewSettings:
        """What the training scans are drawn from: the published views of their data set, where a profile is asked for.

        The trained model then has the base model's, which are those of the data set that is tested.
        """
        if self.question.profile is None and self.question.backbone is None:
            return self.base.views
        return replace(self.base.views, preset=views_for(self.profile.views, self.question.source).preset)

    def arms(self) -> tuple[list[Arm], list[str]]:
        """One arm for each auxiliary category and seed, and notes."""
        arms, notes = [], []
        learned = drawn_as("both", ("pointad", "rgb", "align3d"))
        wanted = tuple(m for m in self.methods if m in learned)
        for auxiliary in self.question.auxiliary_categories if wanted else ():
            for seed in self.question.seeds:
                path = self._model(auxiliary, seed, wanted)
                bundle = load_bundle(path)
                given = tuple(m for m in drawn_as("both", methods_of_branches(bundle.branches)) if m in wanted)
                if note := bundle.record.get("no_align"):
                    notes.append(note)
                arms.append(Arm(path.stem, given, path, sha256_of(path), auxiliary, seed))
        return arms, sorted(set(notes))

    def _model(self, auxiliary: str, seed: int, wanted: Sequence[str]) -> Path:
        path = self.folder / "models" / f"{auxiliary}-seed{seed}.safetensors"
        if not path.is_file():
            self.say(f"training on {self.question.source}/{auxiliary}, seed {seed}")
            save_bundle(path, self._train(auxiliary, seed, wanted))
        return path

    def _train(self, auxiliary: str, seed: int, wanted: Sequence[str]) -> Bundle:
        question, data = self.question, self._data(auxiliary, seed)
        store = self.folder / "features" / f"{auxiliary}-{data.seed}"
        session = Session(device=question.scan.device, store=store)
        kept = {k: v for k, v in self.base.tensors.items() if not k.startswith(("text.", "aligner."))}
        model = replace(self.base, tensors=kept, name=f"{self.base.name}-{auxiliary}", views=self.views)
        samples = data.samples()
        use_aligner = "rgb" in branches_of(wanted) and "rgb" in self.profile.branches
        if use_aligner:
            config = start.align_settings(self.profile, seed=seed)
            config = _shortened(config, question.align_epochs, "reweight_epochs")
            try:
                model = training.align(model, data, samples, config, session).bundle
            except NoColour as error:
                if set(question.methods) & {*drawn_as("both", ("rgb", "align3d"))}:
                    raise InputRejected(f"--methods {' '.join(question.methods)}: {error}") from error
                note = f"rgb and align3d are not in the table: scans of {question.source} have no colour to align with"
                model, use_aligner = replace(model, record=model.record | {"no_align": note}), False
        prompts = start.prompt_settings(self.profile, seed=seed)
        prompts = _shortened(prompts, question.prompt_epochs, "contrastive_epochs")
        kind = start.kind_of_prompts("auto", model)
        found = training.train_text(model, data, samples, prompts, session, kind=kind, use_aligner=use_aligner).bundle
        return replace(found, views=replace(found.views, preset=self.base.views.preset))

    def _data(self, auxiliary: str, seed: int) -> Data:
        question = self.question
        root = question.train_root if question.protocol == "cross-dataset" else question.root
        seeded = seed if question.source == GENERATED else 0
        count = question.limit or SYNTHETIC_COUNT
        theirs = question.drawn == "theirs" and question.source == PRERENDERED
        views: Drawing = "theirs" if theirs else "ours"
        return Data(question.source, root, (auxiliary,), "test", question.limit, count, seeded, views)


def _shortened(settings: start.Stage, epochs: int | None, last: str) -> start.Stage:
    """The settings with a changed number of epochs, the closing ones cut to fit; None leaves them."""
    return (
        settings
        if epochs is None
        else replace(settings, **{"epochs": epochs, last: min(epochs, getattr(settings, last))})
    )
