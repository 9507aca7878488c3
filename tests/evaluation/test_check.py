"""A data set is looked through before it is scored: all that is wrong is named, each thing once."""

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from align3d_cli.cli.app import app
from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.evaluation.check import check_data

from ..prerendered_root import put_scan
from .conftest import written_mvtec


@pytest.fixture
def root(tmp_path):
    written_mvtec(tmp_path, ("carrot", "cookie"))
    return tmp_path


def said(name, root, **options):
    return {(finding.place, finding.said) for finding in check_data(name, root, **options).findings}


def test_a_whole_data_set_has_no_findings(root):
    """Every scan was opened, and told of as it went."""
    told = []
    checked = check_data("mvtec3d", root, begin=told.append, advance=lambda: told.append("scan"))
    assert (checked.n_scans, checked.n_categories, checked.findings) == (8, 2, [])
    assert told == [8] + ["scan"] * 8


def test_everything_that_is_wrong_is_named_once(root):
    """Empty, cut and missing files, labels that contradict the folder, a category without good scans."""
    hole = root / "carrot/test/hole"
    (hole / "xyz/000.tiff").write_bytes(b"")
    (hole / "gt/001.png").unlink()
    shutil.copy(hole / "gt/000.png", root / "carrot/test/good/gt/000.png")
    (root / "carrot/test/good/rgb/001.png").write_bytes(b"no picture")
    (root / "carrot/test/good/notes.txt").write_bytes(b"")
    shutil.rmtree(root / "cookie/test/good")
    found = said("mvtec3d", root)
    expected = (
        ("carrot/test/hole/000", "000.tiff: "),
        ("carrot/test/hole/001", "001.tiff: called hole, but none of its points is labelled"),
        ("carrot/test/good/000", "000.tiff: called good, but "),
        ("carrot/test/good/001", "001.png: the picture is damaged or no picture"),
        ("carrot", "notes.txt: holds nothing (0 bytes)"),
        ("cookie", "cookie: no good scan to test on"),
    )
    for place, words in expected:
        assert sum(where == place and words in text for where, text in found) == 1, (place, words, found)
    assert len(found) == len(expected)
    assert {where for where, _ in said("mvtec3d", root, categories=("cookie",))} == {"cookie"}


def test_views_that_came_with_the_scans_are_opened_too(tmp_path):
    """A pre-rendered root can be scored by our drawing and fail by theirs."""
    rng = np.random.default_rng(0)
    for kind in ("good", "hole"):
        put_scan(tmp_path, "carrot", kind, "000", rng)
    assert not said("prerendered", tmp_path)
    views = tmp_path / "carrot/test/hole"
    (views / "2d_depth/000/view_0.png").write_bytes(b"")
    (views / "2d_3d_cor/000/view_3_cor.npy").write_bytes(b"")
    found = sorted(said("prerendered", tmp_path))
    assert [where for where, _ in found] == ["carrot", "carrot/test/hole/000"]
    assert "2d_depth" in found[0][1] and "view_3_cor.npy: holds nothing (0 bytes)" in found[1][1]
    (tmp_path / "carrot_meta.json").write_text("{")
    ((where, text),) = said("prerendered", tmp_path)
    assert where == "carrot" and "is no manifest" in text


def test_what_cannot_be_checked(root, tmp_path):
    """Generated scans have no files; a folder that is not there is told as everywhere."""
    with pytest.raises(UsageError, match="made on the spot"):
        check_data("synthetic", None)
    with pytest.raises(UsageError, match="no category peach"):
        check_data("mvtec3d", root, categories=("peach",))
    with pytest.raises(EnvironmentMissing, match="no such folder"):
        check_data("mvtec3d", tmp_path / "nowhere")


def test_the_command_lists_a_line_each_and_exits_with_4(root):
    """On stdout, as JSON when asked; without findings it says so and exits with 0."""
    call = ["benchmark", "--check", "--dataset", "mvtec3d", "--root", str(root)]
    whole = CliRunner().invoke(app, call)
    assert whole.exit_code == 0 and "8 scans of 2 categories opened, nothing is missing" in whole.stdout
    (root / "carrot/test/hole/xyz/000.tiff").write_bytes(b"")
    (root / "cookie/test/hole/gt/000.png").write_bytes(b"")
    damaged = CliRunner().invoke(app, [*call, "--json"])
    content = json.loads(damaged.stdout)
    assert content["n_scans"] == 8 and [f["place"] for f in content["findings"]] == [
        "carrot/test/hole/000",
        "cookie/test/hole/000",
    ]
    lines = CliRunner().invoke(app, call)
    assert len(lines.stdout.splitlines()) == 2
    assert getattr(lines.exception, "exit_code", lines.exit_code) == 4
