"""Runs that are killed, stopped, resumed or shared between processes end where an undisturbed run ends."""

import json
import math
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from align3d_cli.errors import EnvironmentMissing, InputRejected, UsageError
from align3d_cli.training.checkpoint import load_checkpoint, save_checkpoint
from align3d_cli.training.epochs import Schedule, batches, train_epochs
from align3d_cli.training.learner import with_adam
from align3d_cli.training.run import LossLog, Run

ANEW = "start anew with --fresh"
PROGRAM = """
import os, signal, sys
from pathlib import Path
import torch
from align3d_cli.model.aligner import Aligner
from align3d_cli.encoders.encoder import EncoderSpec
from align3d_cli.model.prompts import VectorPrompts
from align3d_cli.training.align import train_aligner
from align3d_cli.training.distributed import joined
from align3d_cli.training.features import FeatureStore
from align3d_cli.training.run import Run
from align3d_cli.training.prompts import Branches, train_prompts
from align3d_cli.training.settings import AlignSettings, PromptSettings
from safetensors.torch import save_file

stage, store, folder, out, reads_to_live = sys.argv[1:]
torch.set_num_threads(1)

class Store(FeatureStore):
    reads = 0
    def get(self, *args):
        Store.reads += 1
        if Store.reads == int(reads_to_live):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().get(*args)

store = Store(store, {"made": "of numbers", "seed": 0})
names = [f"part/{'bad' if i % 2 else 'good'}/{i:03d}" for i in range(12)]
cpu = torch.device("cpu")
with joined(cpu) as workers:
    run = Run(Path(folder), {"x": 1}, workers)
    if stage == "align":
        settings = AlignSettings(epochs=6, reweight_epochs=3, batch=5)
        result = train_aligner(store, names, 16, settings, run)[0].state_dict()
    else:
        spec = EncoderSpec("made", "grey", 16, 16, (4, 4), True, (0.5,) * 3, (0.5,) * 3)
        prompts = {name: VectorPrompts(16, seed=seed) for seed, name in enumerate(("rendering", "rgb"))}
        branches = Branches(spec, prompts, Aligner(16, seed=1))
        result = train_prompts(store, names, branches, PromptSettings(epochs=6, contrastive_epochs=3, batch=5), run)[0]
    if workers.first:
        save_file(result, out)
"""


def start(stage: str, store: Path, folder: Path, reads_to_live: int = 0, **env: str) -> subprocess.Popen:
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        stage,
        str(store),
        str(folder),
        str(folder) + ".safetensors",
        str(reads_to_live),
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1", **env}
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> int:
    _, errors = process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def result_of(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(str(folder) + ".safetensors")


@pytest.fixture(scope="module", params=["align", "prompts"])
def stage(request):
    return request.param


@pytest.fixture(scope="module")
def undisturbed(stage, store_and_names, tmp_path_factory):
    """The folder of a run from start to end in one process."""
    folder = tmp_path_factory.mktemp("run") / "whole"
    assert finish(start(stage, store_and_names[0].folder, folder)) == 0
    return folder


@pytest.mark.slow
def test_a_run_killed_in_mid_epoch_resumes_to_the_same_bytes(stage, undisturbed, store_and_names, tmp_path):
    """SIGKILL in the fourth of six epochs, then the same command again: weights and log equal the undisturbed run's."""
    folder = tmp_path / "killed"
    assert finish(start(stage, store_and_names[0].folder, folder, reads_to_live=3 * 12 + 7)) == -signal.SIGKILL
    assert len((folder / "losses.jsonl").read_text().splitlines()) == 3
    assert finish(start(stage, store_and_names[0].folder, folder)) == 0
    expected, found = result_of(undisturbed), result_of(folder)
    assert expected.keys() == found.keys() and all(torch.equal(expected[key], found[key]) for key in expected)
    assert (folder / "losses.jsonl").read_text() == (undisturbed / "losses.jsonl").read_text()


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(stage, undisturbed, store_and_names, tmp_path):
    """Batches of 5 and a rest of 2 are split over two processes; the result differs by rounding only."""
    folder = tmp_path / "shared"
    world = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    pair = [start(stage, store_and_names[0].folder, folder, RANK=str(rank), **world) for rank in range(2)]
    assert [finish(process) for process in pair] == [0, 0]
    expected, found = result_of(undisturbed), result_of(folder)
    for key in expected:
        assert torch.allclose(expected[key], found[key], atol=2e-4), key
    losses, shared = (
        [json.loads(line)["loss"] for line in (f / "losses.jsonl").read_text().splitlines()]
        for f in (undisturbed, folder)
    )
    assert losses == pytest.approx(shared, rel=1e-4)


def learner_and_losses():
    module = nn.Linear(2, 1)
    learner = with_adam({"line": module}, 0.1, (0.5, 0.999))
    return learner, lambda names, epoch: {"loss": module(torch.ones(len(names), 2)).square().mean()}


def test_the_clock_stops_a_run_after_an_epoch_and_the_next_call_goes_on(tmp_path):
    """With no minutes left, one epoch is done per call, and its checkpoint is there for the next."""
    for calls in (1, 2):
        learner, losses_of = learner_and_losses()
        train_epochs(learner, losses_of, ("loss",), ["a", "b"], Schedule(9, 2, 0), Run(tmp_path, max_minutes=0))
        assert learner.epoch == calls


def test_a_loss_that_is_not_finite_ends_the_run_before_it_is_stored(tmp_path):
    """The last good checkpoint survives and the message says what to change."""
    learner, losses_of = learner_and_losses()
    train_epochs(learner, losses_of, ("loss",), ["a"], Schedule(1, 1, 0), Run(tmp_path))
    broken = lambda names, epoch: {"loss": losses_of(names, epoch)["loss"] * float("nan")}  # noqa: E731
    with pytest.raises(UsageError, match="lower --learning-rate"):
        train_epochs(learner, broken, ("loss",), ["a"], Schedule(3, 1, 0), Run(tmp_path))
    assert load_checkpoint(tmp_path / "checkpoint.safetensors", {}, ANEW)["work"]["epoch"] == 1


@pytest.mark.parametrize("state", [[], {}, {"work": 3, "log": {}}, {"work": {"modules": {}}, "log": {}}])
def test_a_checkpoint_of_another_form_is_refused(tmp_path, state):
    """Whole, of the same settings, and still not what this run keeps: no traceback."""
    run = Run(tmp_path)
    save_checkpoint(run.checkpoint, state, {})
    learner, losses_of = learner_and_losses()
    with pytest.raises(InputRejected, match="another kind of run; start anew with --fresh"):
        train_epochs(learner, losses_of, ("loss",), ["a"], Schedule(1, 1, 0), run)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    """Where the run's folder should be lies a file: exit code 5, and the path is named."""
    (tmp_path / "runs").write_text("")
    learner, losses_of = learner_and_losses()
    with pytest.raises(EnvironmentMissing, match=r"runs"):
        train_epochs(learner, losses_of, ("loss",), ["a"], Schedule(1, 1, 0), Run(tmp_path / "runs" / "r"))


def test_what_a_killed_writer_left_is_swept(tmp_path):
    """A partial checkpoint goes when the run goes on; what others put there stays."""
    (tmp_path / ".checkpoint.safetensors.0123456789abcdef.part").write_bytes(b"half")
    (tmp_path / ".mine.part").write_bytes(b"")
    learner, losses_of = learner_and_losses()
    train_epochs(learner, losses_of, ("loss",), ["a"], Schedule(1, 1, 0), Run(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.safetensors", "losses.jsonl", ".mine.part"}


def test_a_line_of_the_log_is_the_mean_over_its_units():
    """Lines every two steps: means of 1 and 2, 4 and 0; what is left at the end is a line of its own."""
    log = LossLog("step", every=2)
    rows = ((1.0, 2.0), (4.0, 0.0), (3.0, 7.0))
    told = [
        log.add(step, {"focal": torch.tensor(focal), "dice": dice}, last=step == 3)
        for step, (focal, dice) in enumerate(rows, start=1)
    ]
    assert told == [None, {"step": 2, "focal": 2.5, "dice": 1.0}, {"step": 3, "focal": 3.0, "dice": 7.0}]
    assert log.lines == told[1:]


def test_optimiser_states_come_back_with_integer_keys_and_scalar_steps(tmp_path):
    """What torch's optimisers keep survives the way through a file without pickle, bit for bit."""
    learner, losses_of = learner_and_losses()
    losses_of(["a"], 0)["loss"].backward()
    learner.step()
    save_checkpoint(tmp_path / "c", learner.state(), {})
    found, expected = (
        load_checkpoint(tmp_path / "c", {}, ANEW)["optimisers"]["line"],
        learner.optimisers["line"].state_dict(),
    )
    assert found["state"].keys() == expected["state"].keys() == {0, 1}
    for row, moments in expected["state"].items():
        assert all(torch.equal(found["state"][row][key], value) for key, value in moments.items())


def test_the_epoch_rated_highest_is_kept_through_a_checkpoint_and_brought_back(tmp_path):
    """Ratings 1, 3, 3, nan: the second epoch counts, also for a learner that is restored; unrated, nothing moves."""
    learner, losses_of = learner_and_losses()
    ratings, seen = iter((1.0, 3.0, 3.0, math.nan)), []

    def rating_of():
        seen.append([p.detach().clone() for p in learner.parameters()])
        return next(ratings)

    lines = train_epochs(learner, losses_of, ("loss",), ["a", "b"], Schedule(4, 1, 0), Run(tmp_path), rating_of)
    assert [line.get("rating") for line in lines] == [1.0, 3.0, 3.0, None]
    other = learner_and_losses()[0]
    other.restore(load_checkpoint(tmp_path / "checkpoint.safetensors", {}, ANEW)["work"])
    for found in (learner, other):
        assert all(torch.equal(p, last) for p, last in zip(found.parameters(), seen[3], strict=True))
        found.return_to_best()
        assert found.best["epoch"] == 2
        assert all(torch.equal(p, best) for p, best in zip(found.parameters(), seen[1], strict=True))
    fresh = learner_and_losses()[0]
    before = [p.detach().clone() for p in fresh.parameters()]
    fresh.return_to_best()
    assert all(torch.equal(p, old) for p, old in zip(fresh.parameters(), before, strict=True))


def test_every_epoch_sees_every_sample_once_in_its_own_order():
    """Batches partition the samples; epochs differ; the same seed and epoch give the same order."""
    names = [str(i) for i in range(10)]
    epochs = [batches(names, 4, 1, epoch) for epoch in (0, 1, 0)]
    assert [len(batch) for batch in epochs[0]] == [4, 4, 2]
    assert all(sorted(name for batch in groups for name in batch) == sorted(names) for groups in epochs)
    assert epochs[0] == epochs[2] != epochs[1]
