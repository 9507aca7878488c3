"""Checkpoints: what comes back is what was written, or one line that says why not."""

import pytest
import torch

from align3d_cli.errors import InputRejected
from align3d_cli.training.checkpoint import load_checkpoint, save_checkpoint

ANEW = "start anew with --fresh"


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    """Settings or features changed: the message names them and the next step; tuples are what JSON makes of them."""
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, {"epoch": 3}, {"seed": 1, "betas": (0.5, 0.9)})
    assert load_checkpoint(path, {"betas": (0.5, 0.9), "seed": 1}, ANEW) == {"epoch": 3}
    with pytest.raises(InputRejected, match=r"other settings \(seed: 1 there, 2 asked\); start anew with --fresh"):
        load_checkpoint(path, {"seed": 2, "betas": (0.5, 0.9)}, ANEW)


@pytest.mark.parametrize("keep", [0, 50, -10])
def test_a_checkpoint_that_was_cut_short_is_refused(tmp_path, keep):
    """Nothing, half a header or all but the end: one line that names the file and the next step."""
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, {"w": torch.ones(100)}, {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputRejected, match=r"c\.safetensors: damaged.*; start anew with --fresh"):
        load_checkpoint(path, {}, ANEW)


def test_a_bit_flipped_anywhere_in_a_checkpoint_is_noticed(tmp_path):
    """One bit at 200 places of header and weights: never a state, always the same line."""
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, {"w": torch.linspace(0, 1, 100), "epoch": 3}, {"seed": 1})
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 200)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(InputRejected, match=r"; start anew with --fresh"):
            load_checkpoint(path, {"seed": 1}, ANEW)
