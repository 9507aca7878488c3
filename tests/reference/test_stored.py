"""Good parts in a model's file: read again they judge alike to the last bit, and a damaged record is no model."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from align3d_cli.errors import WeightsRejected
from align3d_cli.model.bundle import Bundle, load_bundle, save_bundle
from align3d_cli.model.calibration import Calibration
from align3d_cli.reference.learning import learn
from align3d_cli.reference.stored import RECORD, references_of, with_references
from tests.matching.shapes import random_pose
from tests.reference.plates import plate

pytestmark = pytest.mark.slow  # scans are registered

OWN = Calibration(slope=2.0, offset=-1.0, threshold=0.6, colour_low=0.1, colour_high=0.9)


@pytest.fixture(scope="module")
def bare():
    """A model as far as good parts look at it."""
    text = torch.nn.functional.normalize(torch.ones(2, 4), dim=1)
    return Bundle("tiny", {"name": "lite"}, {"text.rendering": text}, calibration=OWN)


@pytest.fixture(scope="module")
def known():
    return learn([plate(1), plate(2, pose=random_pose(2)), plate(3, kind=1)], OWN)


@pytest.fixture(scope="module")
def stored(bare, known, tmp_path_factory):
    """The model with its good parts, written and read."""
    path = tmp_path_factory.mktemp("stored") / "line3.safetensors"
    return load_bundle(save_bundle(path, with_references(bare, known)).path)


def test_read_again_they_judge_alike_to_the_last_bit(known, stored):
    """A further part and a dented one, laid and not: scores of points and objects, deviations and accounts."""
    again = references_of(stored)
    for one in (plate(4), plate(5, dent=True, pose=random_pose(5)), plate(6, kind=2)):
        first, second = (side.beside(one.scan, one.points, one.raw) for side in (known, again))
        np.testing.assert_array_equal(first.points, second.points)
        assert (first.score, first.raw, first.account) == (second.score, second.raw, second.account)
        assert (first.deviation is None) == (second.deviation is None)
        if first.deviation is not None:
            np.testing.assert_array_equal(first.deviation, second.deviation)


def test_what_else_is_known_comes_back(known, stored):
    """Names, hashes, poses, limits and the model beneath; a model without good parts knows none."""
    again = references_of(stored)
    assert again.calibration == known.calibration and again.own == OWN and again.facts == known.facts
    for one, other in zip(known.parts, again.parts, strict=True):
        assert (one.name, one.sha256) == (other.name, other.sha256)
        assert (one.first_from_part is None) == (other.first_from_part is None)
    assert references_of(replace(stored, record={})) is None


def test_that_scans_must_lie_is_kept(bare):
    """A stored CAD model is as strict as it was, and has its triangles."""
    triangles = np.array([[[0.0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 0, 0], [1, 1, 0], [0, 1, 0]]])
    strict = learn([replace(plate(1), triangles=triangles)], OWN, kind="reference")
    kept = with_references(bare, strict)
    again = references_of(kept)
    assert again.must_lie and np.array_equal(again.parts[0].triangles, triangles)
    cut = kept.tensors | {"good.0.triangles": kept.tensors["good.0.triangles"][:, :2].clone()}
    with pytest.raises(WeightsRejected, match="cannot be read"):
        references_of(replace(kept, tensors=cut))


def test_new_good_parts_replace_the_old_ones(stored, known):
    """What a model knew before is forgotten, its tensors too."""
    fewer = with_references(stored, learn([plate(1)], OWN))
    assert {name.split(".")[1] for name in fewer.tensors if name.startswith("good.")} == {"0"}
    assert len(references_of(fewer).parts) == 1


DAMAGE = {
    "no parts": {"parts": []},
    "parts that are none": {"parts": [1, 2]},
    "more parts than tensors": {"parts": None},
    "no size": {"size": "large"},
    "limits that cannot be": {"calibration": {"slope": -1.0}},
    "facts left out": {"facts": {}},
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_record_is_refused(stored, change):
    """One line with the file and what to do, exit code 5: it is the model that cannot be used, not a scan."""
    told = stored.record[RECORD]
    wrong = told | {"parts": [*told["parts"], told["parts"][0]]} if change.get("parts", 0) is None else told | change
    with pytest.raises(WeightsRejected, match=r"line3\.safetensors: .*run `align3d teach` again") as said:
        references_of(replace(stored, record=stored.record | {RECORD: wrong}))
    assert said.value.exit_code == 5 and "\n" not in str(said.value)


@pytest.mark.parametrize("tensor", ["zero_shot", "usual", "normals"])
def test_tensors_of_another_length_are_refused(stored, tensor):
    """One value a point, or the points are not those it was learned from."""
    name = f"good.0.{tensor}"
    shorter = stored.tensors | {name: stored.tensors[name][..., :-1].clone()}
    with pytest.raises(WeightsRejected, match="cannot be read"):
        references_of(replace(stored, tensors=shorter))
