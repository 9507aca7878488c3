"""One model on both drawings of the same scans: ours, and the views that came with the data set."""

from dataclasses import replace

import pytest
import torch

from align3d_cli.datasets.registry import open_dataset
from align3d_cli.errors import UsageError
from align3d_cli.evaluation.arms import drawn_as
from align3d_cli.evaluation.question import Question
from align3d_cli.evaluation.runlog import read_run
from align3d_cli.evaluation.runner import run_benchmark
from align3d_cli.evaluation.scorer import ScanSettings
from align3d_cli.evaluation.tables import build_table
from align3d_cli.model.bundle import save_bundle
from align3d_cli.model.inspector import Inspector
from align3d_cli.model.parts import bundle_encoder
from align3d_cli.training.data import Data
from align3d_cli.training.extract import Extraction, NoColour, extract

from ..model.small_models import clip_bundles  # noqa: F401 - a fixture
from ..prerendered_root import put_own_views
from .conftest import written_mvtec

KEEP = ScanSettings(background="keep")  # our drawing and the files then hold the same points


@pytest.fixture(scope="module")
def model(clip_bundles, tmp_path_factory):  # noqa: F811 - the fixture
    """The paper's profile on a small CLIP, as a file."""
    return save_bundle(tmp_path_factory.mktemp("model") / "paper.safetensors", clip_bundles["paper"])


@pytest.fixture(scope="module")
def root(model, tmp_path_factory):
    """Two classes whose views are our own published drawing, written as their authors would have."""
    folder = tmp_path_factory.mktemp("prerendered")
    written_mvtec(folder, ("carrot", "cookie"))
    inspector = Inspector(model)
    with torch.inference_mode():
        for sample in open_dataset("mvtec3d", folder):
            category, split, kind, number = sample.name.split("/")
            put_own_views(folder / category / split / kind, number, inspector, sample.load())
    return folder


def test_both_drawings_stand_in_one_table_and_score_alike_where_they_are_alike(root, model, tmp_path):
    """Every method has a row for each drawing; ours written down and read back changes no figure."""
    question = Question("prerendered", root, model=str(model.path), drawn="both", scan=KEEP)
    summary = run_benchmark(question, tmp_path / "run")
    assert summary.n_scans == 8 and not summary.failures
    record = read_run(tmp_path / "run")
    for line in record.scans:
        scores = line["object_scores"]
        for method in {"pointad", "rgb", "align3d"} & scores.keys():
            assert scores[f"{method}-theirs"] == pytest.approx(scores[method], abs=1e-5)
    table = build_table(record)
    rows = {(row.name, row.method, row.pixels): row for row in table.rows}
    for (name, method, pixels), row in rows.items():
        if (other := rows.get((name, f"{method}-theirs", pixels))) is not None:
            assert {m: v.mean for m, v in other.values.items()} == pytest.approx(
                {m: v.mean for m, v in row.values.items()}, abs=0.2, nan_ok=True
            )
    methods = {row.method for row in table.rows}
    assert {"pointad", "pointad-theirs", "align3d", "align3d-theirs", "curvature"} <= methods
    assert "came with the data set" in table.head["methods"]["align3d-theirs"]


def test_a_damaged_view_is_named_and_the_scan_is_in_no_row(root, model, tmp_path):
    """Half a pair in one table would compare different scans."""
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    (copy / "carrot/test/hole/2d_rendering/000/view_2.png").write_bytes(b"")
    asked = {"categories": ("carrot",), "methods": ("pointad",), "drawn": "both", "scan": KEEP}
    question = Question("prerendered", copy, model=str(model.path), **asked)
    summary = run_benchmark(question, tmp_path / "run")
    ((name, reason),) = summary.failures
    assert name == "carrot/test/hole/000" and "view_2.png: holds nothing (0 bytes)" in reason
    assert len(read_run(tmp_path / "run").scans) == 3


def test_training_on_their_views_sees_what_training_on_ours_does(root, model):
    """Features, masks and labelled points of both drawings agree; without coloured views stage 1 says so."""
    encoder = bundle_encoder(model, "cpu")
    found = {}
    for drawn in ("ours", "theirs"):
        data = Data("prerendered", root, ("carrot",), drawn=drawn)
        (sample,) = (s for s in data.samples() if s.name == "carrot/test/hole/001")
        extraction = Extraction(encoder, model.views, encoder, background="keep", drawn=drawn)
        found[drawn] = extract(sample, extraction), extraction.identity()
    (ours, mine), (theirs, other) = found["ours"], found["theirs"]
    for part in ("render_global", "render_tokens", "pixel_of_point", "visible", "defect", "view_masks", "view_labels"):
        torch.testing.assert_close(getattr(theirs, part), getattr(ours, part), atol=1e-5, rtol=0)
    assert theirs.defect.any() and theirs.view_masks.any() and theirs.rgb_tokens.shape == ours.rgb_tokens.shape
    assert mine != other

    def bare(cloud):
        return replace(sample.given(cloud), coloured=None)

    with pytest.raises(NoColour, match="no coloured views came with it"):
        extract(replace(sample, given=bare), Extraction(encoder, model.views, encoder, drawn="theirs"))


def test_their_views_are_asked_for_where_there_are_some():
    """A data set without views, a model for other pictures and a method without its drawing are usage errors."""
    with pytest.raises(UsageError, match="no views come with mvtec3d; use --dataset prerendered"):
        Question("mvtec3d", drawn="both")
    with pytest.raises(UsageError, match="no views come with real3d"):
        Data("real3d", drawn="theirs")


def test_a_model_that_reads_depth_is_refused_before_anything_is_scored(root, tmp_path):
    """The default model's tower reads geometry, which no published rendering shows."""
    with pytest.raises(UsageError, match=r"reads geometry pictures.*--drawn ours"):
        run_benchmark(Question("prerendered", root, drawn="theirs"), tmp_path / "run")
    with pytest.raises(UsageError, match=r"--methods pointad-theirs: add --drawn theirs"):
        run_benchmark(Question("prerendered", root, methods=("pointad-theirs",)), tmp_path / "other")


def test_methods_by_drawing():
    """What draws nothing is the same either way."""
    assert drawn_as("ours", ("curvature", "pointad")) == ("curvature", "pointad")
    assert drawn_as("theirs", ("curvature", "pointad")) == ("curvature", "pointad-theirs")
    assert drawn_as("both", ("curvature", "pointad")) == ("curvature", "pointad", "pointad-theirs")
