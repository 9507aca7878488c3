"""Who is tested on what: zero-shot, k-shot, one-vs-rest and cross-dataset, as arms and tasks."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from align3d_cli.clouds.labelled import Sample
from align3d_cli.datasets.registry import open_dataset
from align3d_cli.errors import UsageError
from align3d_cli.evaluation.arms import BRANCHES, METHODS, THEIRS, Arm, drawn_as, excluded, methods_of_branches
from align3d_cli.evaluation.ladder import LADDER, RUNGS
from align3d_cli.evaluation.question import Question
from align3d_cli.evaluation.shown import Shown, ladder_arms, shown_of
from align3d_cli.evaluation.task import Task
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.model.bundle import Bundle, load_bundle, require_features
from align3d_cli.model.given import check_reads_grey, style_of
from align3d_cli.reference.among import FEWEST


def base_model(question: Question) -> Bundle | None:
    """The model a benchmark starts from; None when only training-free geometry is asked for."""
    if question.methods and set(question.methods) <= {"curvature"}:
        return None
    if question.profile is None and question.backbone is None:
        model = load_bundle(question.model)
        if question.trains:
            require_features(model)
        return model
    from align3d_cli.model.profiles import get_profile
    from align3d_cli.model.start import untrained

    profile = get_profile(question.profile or "align3d")
    return untrained(profile, question.data_set, backbone=question.backbone, weights=question.weights)


def has_text_tower(base: Bundle) -> bool:
    """Whether sentences can be turned into vectors for this model's encoder: not for towers that travel in a bundle."""
    return not base.part("encoder")


def available(question: Question, base: Bundle | None) -> tuple[tuple[str, ...], list[str]]:
    """The methods of a benchmark in the order of the table, and notes on those that cannot be had.

    Raises UsageError for a method asked for by name that the model cannot give.
    """
    can, why = {"curvature"}, dict[str, str]()
    if base is not None:
        can |= {"pointad", "rgb", "align3d"} if question.trains else set(methods_of_branches(base.branches))
        if has_text_tower(base):
            can |= {"frozen"}
        can |= set() if question.trains or not base.branches else set(LADDER)
        beneath = f"it stands on a model with prompts, which {base.name} has not" if not base.branches else ""
        why |= dict.fromkeys(LADDER, beneath or f"--protocol {question.protocol} trains its models; use k-shot")
        why["frozen"] = f"{base.name} has no text tower to write prompts for; use a CLIP model or --profile"
        for method in ("pointad", "rgb", "align3d"):
            why[method] = f"{base.name} has no prompts for it; run `align3d prompt-train` or use --protocol one-vs-rest"
    had, can = can, set(drawn_as(question.drawn, can))
    if base is not None and question.drawn != "ours":
        check_reads_grey(style_of(base), base.called)
    asked = drawn_as(question.drawn, question.methods)
    if wrong := [method for method in asked if method not in can]:
        undrawn = question.drawn == "ours" and wrong[0] in THEIRS.values()
        reason = why.get(wrong[0].removesuffix("-theirs"), "needs a model")
        raise UsageError(f"--methods {wrong[0]}: {'add --drawn theirs or --drawn both' if undrawn else reason}")
    if asked:
        return tuple(m for m in METHODS if m in asked), []
    usual = set(METHODS) - set(LADDER) | (set(RUNGS) if question.protocol == "k-shot" else set())
    notes = [f"{m} is not in the table: {why[m]}" for m in METHODS if m in why.keys() & usual - had]
    return tuple(m for m in METHODS if m in can & usual), notes


def untrained_arms(question: Question, methods: Sequence[str], base: Bundle | None, folder: Path) -> list[Arm]:
    """Arms that need no training here: geometry, hand-written prompts, and in zero-shot the model itself."""
    arms = []
    for seed in question.data_seeds:
        mark = "" if seed is None else f"-seed{seed}"
        if "curvature" in methods:
            arms.append(Arm(f"curvature{mark}", ("curvature",), seed=seed))
        if base is None:
            continue
        if given := tuple(method for method in drawn_as(question.drawn, ("frozen",)) if method in methods):
            path = frozen_model(base, folder, question.scan.device)
            arms.append(Arm(f"frozen{mark}", given, path, sha256_of(path), seed=seed))
        given = () if question.trains else drawn_as(question.drawn, methods_of_branches(base.branches))
        if given := tuple(method for method in given if method in methods):
            arms.append(Arm(f"{base.name}{mark}", given, base.path, base.sha256, seed=seed))
    return arms if base is None else arms + ladder_arms(question, methods, base)


def frozen_model(base: Bundle, folder: Path, device: str) -> Path:
    """A model with hand-written prompts on the same encoder, written once. Raises EnvironmentMissing (no weights)."""
    from align3d_cli.encoders.clip_text import load_text_tower
    from align3d_cli.model.bundle import save_bundle
    from align3d_cli.model.prompts import FrozenPrompts
    from align3d_cli.model.start import text_tower_of

    path = folder / "frozen.safetensors"
    if not path.is_file():
        text = FrozenPrompts(load_text_tower(**text_tower_of(base), device=device))().cpu()
        record = {"prompts": "hand-written"}
        save_bundle(path, replace(base, name="frozen", tensors={"text.rendering": text}, record=record))
    return path


def tasks_of(question: Question, arms: Sequence[Arm], known: dict[str, frozenset[str]] | None = None) -> list[Task]:
    """Every scan with the arms it goes through, category by category; a model never meets the category it was trained
    on, and no method a category that shows it too little.

    known: keys of the run log by scan
    """
    shown = shown_of(question) if any(arm.of_ladder for arm in arms) else Shown()
    tasks = []
    for seed in question.data_seeds:
        here = [arm for arm in arms if seed is None or arm.seed == seed]
        by_category: dict[str, list[Sample]] = {}
        for sample in tested_samples(question, seed):
            by_category.setdefault(sample.category, []).append(sample)
        for category, samples in by_category.items():
            met = [arm for arm in here if not excluded(question.protocol, arm.auxiliary, category)]
            tasks += _of_category(samples, met, shown, known or {}, seed)
    return tasks


def _of_category(
    samples: Sequence[Sample],
    arms: Sequence[Arm],
    shown: Shown,
    known: dict[str, frozenset[str]],
    seed: int | None,
) -> list[Task]:
    """A task for each scan of a category, and then one for all of them where they are compared among themselves."""
    category, nothing = samples[0].category, frozenset[str]()
    among = next((arm for arm in arms if arm.among and len(samples) >= FEWEST), None)
    single = [arm for arm in arms if not arm.among]
    good = {arm.name: found for arm in single if arm.of_ladder and (found := shown.of(arm, category)) is not None}
    met = tuple(arm for arm in single if not arm.of_ladder or arm.name in good)
    tasks = []
    for sample in samples if met else ():
        tasks.append(Task(sample, met, known.get(sample.name, nothing), good, shared=among, seed=seed))
    if among is not None:
        theirs = nothing.union(*(known.get(sample.name, nothing) for sample in samples))
        tasks.append(Task(samples[0], (among,), theirs, others=tuple(samples[1:]), seed=seed))
    return tasks


def tested_samples(question: Question, seed: int | None) -> list[Sample]:
    """The scans of the test split. Raises UsageError or EnvironmentMissing."""
    return open_dataset(
        question.data_set,
        question.root,
        categories=question.categories or None,
        limit=question.limit,
        split="test",
        seed=seed or 0,
    )


def branches_of(methods: Sequence[str]) -> set[str]:
    """The branches that the methods need."""
    return {branch for method in methods for branch in BRANCHES.get(method, ())}
