"""Who is tested on what, and what cannot be asked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from align3d_cli.encoders.clip_text import load_text_tower
from align3d_cli.errors import EnvironmentMissing, InputRejected, UsageError
from align3d_cli.evaluation.arms import Arm, methods_of_branches
from align3d_cli.evaluation.pooling import LoggedScan
from align3d_cli.evaluation.protocols import available, base_model, frozen_model, tasks_of, untrained_arms
from align3d_cli.evaluation.question import Question
from align3d_cli.evaluation.runlog import read_run
from align3d_cli.evaluation.runner import run_benchmark
from align3d_cli.evaluation.scorer import ScanSettings, Scorer
from align3d_cli.evaluation.trained import Trainer
from align3d_cli.helpers.digest import sha256_of
from align3d_cli.io.read import read_scan
from align3d_cli.model.bundle import Bundle, load_bundle, save_bundle
from align3d_cli.model.inspector import Inspector
from align3d_cli.model.prompts import FrozenPrompts
from align3d_cli.render.settings import ViewSettings


def test_auxiliary_categories_are_the_fields():
    """One-vs-rest and cross-dataset take the lists of the papers unless others are named."""
    assert Question("mvtec3d", protocol="one-vs-rest").auxiliary_categories == ("carrot", "cookie", "dowel")
    assert Question("real3d", protocol="one-vs-rest").auxiliary_categories == ("shell", "starfish", "seahorse")
    cross = Question("eyecandies", protocol="cross-dataset")
    assert (cross.source, cross.auxiliary_categories) == ("mvtec3d", ("carrot", "cookie", "dowel"))
    assert Question("mulsen", protocol="one-vs-rest", auxiliary=("cube",)).auxiliary_categories == ("cube",)
    assert Question("mvtec3d").auxiliary_categories == ()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"protocol": "few-shot"}, "--protocol few-shot"),
        ({"methods": ("padim",)}, "--methods padim"),
        ({"seeds": (1, 1)}, "--seeds"),
        ({"data_set": "mulsen", "protocol": "one-vs-rest"}, "name --auxiliary"),
        ({"data_set": "mvtec3d", "protocol": "cross-dataset"}, "use one-vs-rest"),
    ],
)
def test_impossible_questions_are_refused(asked, message):
    """Contradicting or unknown settings are usage errors that name the option."""
    with pytest.raises(UsageError, match=message):
        Question(**asked)


def test_a_model_never_meets_its_own_category(mvtec_root):
    """One-vs-rest leaves the auxiliary category out for its model alone; cross-dataset leaves nothing out."""
    arms = [Arm("curvature", ("curvature",)), Arm("cookie-seed0", ("pointad",), Path("m"), "0", "cookie", 0)]
    question = Question("mvtec3d", root=mvtec_root, protocol="one-vs-rest")
    met = {(task.sample.category, arm.name) for task in tasks_of(question, arms) for arm in task.arms}
    everything = {(category, arm.name) for category in ("carrot", "cookie", "dowel") for arm in arms}
    assert everything - met == {("cookie", "cookie-seed0")}
    question = Question("mvtec3d", root=mvtec_root, protocol="cross-dataset", train_set="eyecandies")
    met = {(task.sample.category, arm.name) for task in tasks_of(question, arms) for arm in task.arms}
    assert met == everything


def test_methods_follow_the_models_branches(model):
    """A model without aligner gives pointad only; what cannot be had is noted, and refused when asked for by name."""
    base = base_model(Question(model=str(model)))
    methods, notes = available(Question(), base)
    assert methods == ("curvature", "pointad", "rgb", "align3d")
    assert any(note.startswith("frozen is not in the table") for note in notes)
    with pytest.raises(UsageError, match="no text tower"):
        available(Question(methods=("frozen",)), base)
    assert methods_of_branches(("rendering",)) == ("pointad",)


def test_geometry_alone_needs_no_model():
    """Asked for curvature only, no weights are looked for."""
    assert base_model(Question(methods=("curvature",), model="not-there")) is None
    with pytest.raises(EnvironmentMissing):
        base_model(Question(model="not-there"))


def test_generated_data_are_drawn_by_every_seed():
    """For generated scans each seed is another draw; files are the same whatever the seed."""
    question = Question("synthetic", methods=("curvature",), seeds=(0, 1), limit=1)
    arms = untrained_arms(question, ("curvature",), None, Path("unused"))
    tasks = tasks_of(question, arms)
    assert {arm.seed for task in tasks for arm in task.arms} == {0, 1}
    assert len(tasks) == 2 * len({task.sample.category for task in tasks})
    assert Question("folder", seeds=(0, 1)).data_seeds == (None,)


@pytest.mark.slow
def test_one_inspection_gives_what_single_inspections_give(folder_run, scan_folder, model, tmp_path):
    """`align3d` in the log is the model's own inspection, `pointad` that of its rendering branch alone."""
    bundle = load_bundle(model)
    alone = {key: value for key, value in bundle.tensors.items() if key != "text.rgb"}
    rendering = save_bundle(tmp_path / "rendering.safetensors", replace(bundle, tensors=alone))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for line in (line for line in read_run(folder_run[1]).scans if "align3d" in line["object_scores"]):
        logged = LoggedScan(line, folder_run[1]).outputs("align3d", "pointad")
        cloud = read_scan(scan_folder / line["defect"] / Path(line["sample"]).name)
        for method, single in (("align3d", bundle), ("pointad", rendering)):
            found = Inspector(single).inspect(cloud)
            assert line["object_scores"][method] == pytest.approx(found.raw_score, abs=1e-6)
            scored = ~np.isnan(logged.scores[method])
            np.testing.assert_allclose(logged.scores[method][scored], found.point_scores[scored], atol=1e-6)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory, mvtec_root, model):
    """A small one-vs-rest run: two auxiliary categories, two seeds, a few epochs."""
    folder = tmp_path_factory.mktemp("trained")
    question = Question(
        "mvtec3d", mvtec_root, protocol="one-vs-rest", model=str(model), auxiliary=("carrot", "cookie"), seeds=(0, 1),
        methods=("curvature", "align3d"), align_epochs=2, prompt_epochs=2,
    )  # fmt: skip
    run_benchmark(question, folder)
    return question, folder


@pytest.mark.slow
def test_one_vs_rest_trains_on_one_category_and_tests_on_the_others(trained_run):
    """Four models (two categories, two seeds), each with its own weights, none scored on its own category."""
    record = read_run(trained_run[1])
    arms = {line["arm"]["name"]: line["arm"] for line in record.scans}
    assert set(arms) == {"curvature", "carrot-seed0", "carrot-seed1", "cookie-seed0", "cookie-seed1"}
    assert len({arm["sha256"] for arm in arms.values()}) == 5
    for line in record.scans:
        assert line["category"] != line["arm"]["auxiliary"]
    assert len(record.scans) == 12 + 4 * 8
    bundle = load_bundle(trained_run[1] / "models" / "cookie-seed1.safetensors")
    assert bundle.record["prompt_train"]["data"]["categories"] == ["cookie"]
    assert "TEST split" in record.plan["statement"]


def test_models_that_are_there_are_not_trained_again(trained_run):
    """Going on with a run keeps the models and their hashes, and scores nothing again."""
    question, folder = trained_run
    models = {path.name: path.stat().st_mtime_ns for path in (folder / "models").glob("*.safetensors")}
    assert run_benchmark(question, folder).n_new == 0
    assert models == {path.name: path.stat().st_mtime_ns for path in (folder / "models").glob("*.safetensors")}


def test_without_colour_the_rendering_branch_stands_alone(tmp_path, scan_folder, model):
    """Scans without colour cannot be aligned: pointad is trained, the others are noted or refused when asked for."""
    asked = {"protocol": "one-vs-rest", "model": str(model), "auxiliary": (scan_folder.name,), "prompt_epochs": 1}
    question = Question("folder", scan_folder, methods=("align3d",), **asked)
    with pytest.raises(InputRejected, match="no colour"):
        run_benchmark(question, tmp_path / "asked")
    run_benchmark(Question("folder", scan_folder, **asked), tmp_path / "run")
    plan = read_run(tmp_path / "run").plan
    assert [arm["methods"] for arm in plan["arms"]] == [["curvature"], ["pointad"]]
    assert any("no colour to align with" in note for note in plan["notes"])


@pytest.mark.slow
def test_pointad_trains_no_aligner(tmp_path, mvtec_root, model):
    """A profile without stage 1 trains the prompts of the rendering branch and nothing else."""
    given = load_bundle(model)
    views = replace(given.views, input="size of a view")  # as the profile draws, and its point loss needs
    base = save_bundle(tmp_path / "m.safetensors", replace(given, views=views, record={"profile": {"name": "pointad"}}))
    question = Question(
        "mvtec3d", mvtec_root, protocol="one-vs-rest", model=str(base.path), auxiliary=("carrot",), prompt_epochs=1
    )
    run_benchmark(question, tmp_path / "run")
    bundle = load_bundle(tmp_path / "run" / "models" / "carrot-seed0.safetensors")
    assert bundle.branches == ("rendering",) and "align" not in bundle.record


def clip_bundle(folder: Path) -> Path:
    """A very small CLIP by its open_clip config and a seed, with random prompts for the rendering branch."""
    sizes = {"layers": 4, "width": 16}
    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 64, "patch_size": 16, "head_width": 8, **sizes},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "heads": 2, **sizes},
    }
    text = torch.nn.functional.normalize(torch.randn(2, 16, generator=torch.Generator().manual_seed(1)), dim=1)
    encoder = {"name": "mini", "config": config, "random_seed": 0}
    views = ViewSettings(count=2, size_px=64)
    return save_bundle(folder / "clip.safetensors", Bundle("clip", encoder, {"text.rendering": text}, views)).path


def test_frozen_prompts_need_a_text_tower_and_share_the_look(tmp_path, scan_folder):
    """With a CLIP backbone the table has `frozen`: sentences written by hand, the same views encoded once for both."""
    question = Question("folder", scan_folder, limit=2, model=str(clip_bundle(tmp_path)))
    run_benchmark(question, tmp_path / "run")
    record = read_run(tmp_path / "run")
    assert [arm["methods"] for arm in record.plan["arms"]] == [["curvature"], ["frozen"], ["pointad"]]
    frozen = load_bundle(tmp_path / "run" / "models" / "frozen.safetensors")
    tower = load_text_tower("mini", config=frozen.encoder["config"], random_seed=0)
    torch.testing.assert_close(frozen.tensors["text.rendering"], FrozenPrompts(tower)())
    scorer = Scorer(ScanSettings())
    arms = untrained_arms(question, ("frozen", "pointad"), base_model(question), tmp_path / "run" / "models")
    first, second = (scorer.inspector(arm.name, arm.model) for arm in arms)
    assert first.encoder is second.encoder
    by_arm = {line["arm"]["name"]: line["object_scores"] for line in record.scans if line["defect"] == "bump"}
    assert by_arm["frozen"]["frozen"] != by_arm["clip"]["pointad"]


def test_frozen_prompts_of_weights_of_ones_own(tmp_path, tiny_config, tiny_file):
    """The text tower comes out of the very file that the model names by its hash."""
    encoder = {"name": "tiny", "config": tiny_config, "weights": tiny_file.name, "weights_sha256": sha256_of(tiny_file)}
    base = Bundle("tiny", encoder, {}, path=tiny_file.parent / "model.safetensors")
    frozen = load_bundle(frozen_model(base, tmp_path, "cpu"))
    tower = load_text_tower("tiny", config=tiny_config, weights=tiny_file)
    torch.testing.assert_close(frozen.tensors["text.rendering"], FrozenPrompts(tower)())


def test_cross_dataset_trains_on_one_data_set_and_tests_on_another(tmp_path, mvtec_root, write_mvtec, model):
    """The auxiliary category comes from --train-root; every category of the other data set is tested."""
    from_other = tmp_path / "eyecandies"
    write_mvtec(from_other, ("Confetto", "Lollipop"), per_kind=1)
    question = Question(
        "eyecandies", from_other, protocol="cross-dataset", train_root=mvtec_root, auxiliary=("carrot",),
        methods=("align3d",), model=str(model), align_epochs=1, prompt_epochs=1,
    )  # fmt: skip
    run_benchmark(question, tmp_path / "run")
    record = read_run(tmp_path / "run")
    assert {(line["category"], line["arm"]["name"]) for line in record.scans} == {
        ("Confetto", "carrot-seed0"),
        ("Lollipop", "carrot-seed0"),
    }
    assert "one category of mvtec3d" in record.plan["statement"]
    data = load_bundle(tmp_path / "run" / "models" / "carrot-seed0.safetensors").record["prompt_train"]["data"]
    assert (data["name"], data["split"], data["categories"]) == ("mvtec3d", "test", ["carrot"])


def test_training_scans_are_drawn_in_the_published_views_of_their_own_data_set(tmp_path):
    """Cross-dataset: auxiliary scans are drawn as their data set, the tested ones, by the trained model, as theirs."""
    question = Question("eyecandies", protocol="cross-dataset", profile="paper", train_set="mvtec3d")
    base = base_model(question)
    trainer = Trainer(question, base, ("align3d",), tmp_path)
    assert (base.views.preset, trainer.views.preset) == ("eyecandies", "mvtec")
    assert replace(trainer.views, preset="eyecandies") == base.views
