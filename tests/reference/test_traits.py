"""What good parts are like stays in a model that is taught, each as the others see it."""

import pytest
import torch

from align3d_cli.model.bundle import Bundle, save_bundle
from align3d_cli.model.calibration import Calibration
from align3d_cli.model.traits import traits_of_scan
from align3d_cli.reference.learning import learn
from align3d_cli.reference.stored import references_of, with_references
from align3d_cli.running.drift import Known, drift_of, known_in
from tests.reference.plates import plate

pytestmark = pytest.mark.slow  # scans are registered


def test_five_good_parts_are_kept_and_further_ones_are_like_them(tmp_path):
    """A score each by the other four, which further good parts have too; read from the file alone they are the same.
    Of two parts nothing is kept."""
    known = learn([plate(seed) for seed in range(1, 6)], Calibration())
    assert len(known.traits) == 5 and {one.points for one in known.traits} == {64 * 64}
    assert all(0 < one.score < 0.5 and one.level is None for one in known.traits)
    bundle = with_references(Bundle("tiny", {"name": "lite"}, {"text.rendering": torch.ones(2, 4)}), known)
    path = save_bundle(tmp_path / "line3.safetensors", bundle).path
    assert known_in(path) == Known(known.traits, taught=True)
    assert references_of(bundle).traits == known.traits
    further = [plate(seed) for seed in range(11, 21)]
    now = [traits_of_scan(one.scan, known.beside(one.scan, one.points, one.raw).score) for one in further]
    assert drift_of(known_in(path), now)["moved"] == []
    assert learn([plate(1), plate(2)], Calibration()).traits == ()
