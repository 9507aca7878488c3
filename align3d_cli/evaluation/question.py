"""What a benchmark is asked, and what its answer depends on."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from align3d_cli.datasets.registry import AUXILIARY
from align3d_cli.datasets.settings import GENERATED, PRERENDERED
from align3d_cli.errors import UsageError
from align3d_cli.evaluation.arms import METHODS
from align3d_cli.evaluation.ladder import LADDER
from align3d_cli.evaluation.settings import Drawn, Protocol
from align3d_cli.evaluation.task import ScanSettings
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.helpers.places import DEFAULT_MODEL
from align3d_cli.model.bundle import Bundle

PROTOCOLS = get_args(Protocol)
STATEMENTS = {
    "zero-shot": "A given model scores every category; it is not trained here.",
    "k-shot": (
        "A given model scores every category, alone and beside what it is shown of it, as `saw` says: good parts of "
        "the train split, which --seeds draw, the other test scans without their labels, or its CAD model. Nothing is "
        "trained."
    ),
    "one-vs-rest": (
        "Trained, with labels, on the TEST split of one auxiliary category of the same data set and tested on all "
        "others, once for each auxiliary category, averaged. Training on that test split is the field's protocol, and "
        "the auxiliary category itself is not tested."
    ),
    "cross-dataset": (
        "Trained, with labels, on the TEST split of one category of {train_set} and tested on all categories of this "
        "data set, once for each auxiliary category, averaged. Training on that test split is the field's protocol."
    ),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What a benchmark is asked.

    categories: to test, () for all; limit: scans a category
    methods:    of METHODS, () for all that the model can give
    model:      bundle by name or path: what is tested (zero-shot, k-shot) or whose encoder is trained on
    profile, backbone, weights: start of the training instead of a model's encoder, see `model.start.untrained`
    seeds:      of training, of generated data and of which good parts are shown
    auxiliary:  categories to train on, () for the field's
    drawn:      our views, those that came with the data set, or one beside the other; training sees theirs for "theirs"
    train_set, train_root: cross-dataset only, the data set of the auxiliary categories
    align_epochs, prompt_epochs: None for the profile's
    """

    data_set: str = GENERATED
    root: Path | None = None
    categories: tuple[str, ...] = ()
    limit: int | None = None
    protocol: str = "zero-shot"
    methods: tuple[str, ...] = ()
    model: str = DEFAULT_MODEL
    profile: str | None = None
    backbone: str | None = None
    weights: Path | None = None
    seeds: tuple[int, ...] = (0,)
    auxiliary: tuple[str, ...] = ()
    drawn: Drawn = "ours"
    train_set: str = "mvtec3d"
    train_root: Path | None = None
    align_epochs: int | None = None
    prompt_epochs: int | None = None
    scan: ScanSettings = field(default_factory=ScanSettings)

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise UsageError(f"--protocol {self.protocol}: unknown; choose from {', '.join(PROTOCOLS)}")
        if unknown := [m for m in self.methods if m not in METHODS]:
            raise UsageError(f"--methods {' '.join(unknown)}: unknown; choose from {', '.join(METHODS)}")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise UsageError("--seeds: give one or more numbers, each once")
        if self.trains and not self.auxiliary_categories:
            raise UsageError(f"--protocol {self.protocol}: name --auxiliary, {self.source} has no usual ones")
        if self.drawn != "ours" and self.data_set != PRERENDERED:
            raise UsageError(f"--drawn {self.drawn}: no views come with {self.data_set}; use --dataset {PRERENDERED}")
        if self.drawn == "theirs" and (self.protocol == "k-shot" or set(self.methods) & set(LADDER)):
            raise UsageError("--drawn theirs: what is known beside a scan joins in on our views; use --drawn both")
        if self.protocol == "cross-dataset" and self.train_set == self.data_set:
            raise UsageError(f"--protocol cross-dataset: {self.data_set} is trained on already; use one-vs-rest")

    @property
    def trains(self) -> bool:
        """Whether models are trained for this benchmark."""
        return self.protocol not in ("zero-shot", "k-shot")

    @property
    def source(self) -> str:
        """The data set of the auxiliary categories."""
        return self.train_set if self.protocol == "cross-dataset" else self.data_set

    @property
    def auxiliary_categories(self) -> tuple[str, ...]:
        """The categories that models are trained on, one model each; none in zero-shot."""
        if not self.trains:
            return ()
        return self.auxiliary or AUXILIARY.get(self.source, ())

    @property
    def data_seeds(self) -> tuple[int | None, ...]:
        """Seeds of the tested scans: all seeds for generated data, (None,) for files, which no seed changes."""
        return self.seeds if self.data_set == GENERATED else (None,)

    def identity(self, base: Bundle | None) -> dict[str, Any]:
        """What the result depends on, apart from the input's bytes; a run never mixes two of these."""
        left_out = {"root", "train_root", "weights", "model"}
        kept = {key: value for key, value in asdict(self).items() if key not in left_out}
        kept |= {"auxiliary": self.auxiliary_categories, "train_set": self.source if self.trains else None}
        if base is not None:
            encoder = {key: value for key, value in base.encoder.items() if key != "weights"}
            kept |= {"model": base.name, "model_sha256": base.sha256, "encoder": encoder}
        if base is not None and self.profile is not None:
            kept["settings"] = base.record.get("profile")  # a file of one's own may change under its name
        if self.weights is not None:
            kept["weights_sha256"] = sha256_of(self.weights)
        return kept
