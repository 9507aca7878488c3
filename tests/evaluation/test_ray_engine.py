"""The benchmark on a local Ray cluster of two nodes, with workers and a whole node killed in mid-run."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

ray = pytest.importorskip("ray", reason="Ray is an optional extra: pip install align3d[ray]")

from align3d_cli.errors import EnvironmentMissing, InputRejected  # noqa: E402
from align3d_cli.evaluation.log_lines import read_lines  # noqa: E402
from align3d_cli.evaluation.question import Question  # noqa: E402
from align3d_cli.evaluation.ray_engine import run_ray  # noqa: E402
from align3d_cli.evaluation.runlog import read_run  # noqa: E402
from align3d_cli.evaluation.runner import Talk, run_benchmark  # noqa: E402
from align3d_cli.evaluation.table_text import render  # noqa: E402
from align3d_cli.evaluation.tables import build_table  # noqa: E402
from align3d_cli.running import cluster as running_cluster  # noqa: E402
from align3d_cli.running.cluster import LOST, in_order, on_ray  # noqa: E402

pytestmark = pytest.mark.slow  # starts clusters

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster():
    """Two nodes with one CPU each on this machine; yields (cluster, the second node)."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(REPOSITORY), str(Path(__file__).parent), before]))
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = started.add_node(num_cpus=1)
    ray.init(address=started.address, log_to_driver=False, logging_level="error")
    yield started, second
    ray.shutdown()
    started.shutdown()
    os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)


def slow_double(number: int) -> tuple[int, int]:
    """Twice the number and the process that found it; slow enough to be killed on the way."""
    time.sleep(0.3)
    return 2 * number, os.getpid()


def make_doubler():
    sys.path.insert(0, str(Path(__file__).parent))
    return slow_double


def make_suicide():
    return lambda task: os.kill(os.getpid(), signal.SIGKILL) if task == "kill me" else task


def test_killed_workers_lose_no_task(cluster):
    """A worker that is killed after its first result: every task is still done, exactly once."""
    done = {}
    for number, (doubled, process) in on_ray(list(range(12)), make_doubler):
        assert number not in done
        if not done:
            os.kill(process, signal.SIGKILL)
        done[number] = doubled
    assert done == {number: 2 * number for number in range(12)}


def test_a_task_that_kills_its_workers_is_given_up(cluster):
    """After a few lost workers the task fails alone; the others are done."""
    assert dict(on_ray(["a", "kill me", "b"], make_suicide)) == {0: "a", 1: LOST, 2: "b"}


def fail(task: str):
    raise InputRejected(f"{task}: cannot be read")


def make_failure():
    return fail


def test_an_error_of_a_task_is_raised_as_what_it_was(cluster):
    """Our own errors come back as themselves, with their message and exit code."""
    with pytest.raises(InputRejected, match=r"^part\.ply: cannot be read$"):
        list(on_ray(["part.ply"], make_failure))


def make_nothing():
    raise InputRejected("model.safetensors: cannot be read")


def test_a_worker_that_cannot_start_says_why(cluster):
    """What `make` raises comes back as itself, and nothing waits for a worker that will never be ready."""
    with pytest.raises(InputRejected, match=r"^model\.safetensors: cannot be read$"):
        list(on_ray(["part.ply"], make_nothing))


def where(task: str) -> str:
    return os.path.abspath(task)


def make_where():
    return where


def test_relative_paths_mean_the_callers_folder(cluster, tmp_path, monkeypatch):
    """A worker reads part.ply of the folder that the call was made in."""
    monkeypatch.chdir(tmp_path)
    assert dict(on_ray(["part.ply"], make_where)) == {0: str(tmp_path / "part.ply")}


def test_a_worker_of_another_version_is_refused(cluster, monkeypatch):
    """Scores of two versions are never mixed."""
    monkeypatch.setattr(running_cluster, "__version__", "99.0")
    with pytest.raises(EnvironmentMissing, match=r"this is 99\.0; install the same everywhere"):
        list(on_ray(["part.ply"], make_where))


def test_results_are_put_in_order():
    """Whatever finishes first, results are given in the order of the tasks."""
    assert list(in_order([(2, "c"), (0, "a"), (3, "d"), (1, "b")])) == ["a", "b", "c", "d"]


def test_losing_a_node_gives_the_identical_table(cluster, tmp_path, scan_folder, model, folder_run):
    """One of two nodes goes away in mid-run: no scan is lost or doubled, the table is that of a local run."""
    started, second = cluster
    question, removed = Question(data_set="folder", root=scan_folder, model=str(model)), []

    def advance(failure: str | None) -> None:
        assert failure is None
        if not removed:
            removed.append(second)
            started.remove_node(second, allow_graceful=False)

    run_benchmark(question, tmp_path / "run", jobs=None, talk=Talk(advance=advance), engine=run_ray)
    assert removed
    scans = [line["key"] for line in read_lines(tmp_path / "run" / "log.jsonl") if line["type"] == "scan"]
    assert len(scans) == len(set(scans)) == 16
    local = json.loads(render(build_table(read_run(folder_run[1])), "json"))
    assert json.loads(render(build_table(read_run(tmp_path / "run")), "json")) == local
