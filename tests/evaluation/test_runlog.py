"""The run log: what a killed run left is true, nothing is scored twice, settings are never mixed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from align3d_cli.errors import InputRejected, UsageError
from align3d_cli.evaluation import runlog
from align3d_cli.evaluation.log_lines import read_lines
from align3d_cli.evaluation.runlog import RunLog, read_run
from align3d_cli.evaluation.runner import run_benchmark
from align3d_cli.evaluation.table_text import render
from align3d_cli.evaluation.tables import build_table
from align3d_cli.helpers.digest import digest_of_bytes
from align3d_cli.helpers.sealed_lines import sealed

REPOSITORY = Path(__file__).parents[2]
ARM = {"name": "curvature", "methods": ["curvature"], "auxiliary": None, "seed": None}


def scan_line(sample: str, key: str, score: float = 0.5) -> dict:
    """A line as the scorer writes it, as far as the log looks at it."""
    return {
        "type": "scan", "key": key, "sample": sample, "category": "part", "arm": ARM,
        "object_scores": {"curvature": score}, "points": f"points/{key}.npz",
        "points_sha256": digest_of_bytes(b"points"),
    }  # fmt: skip


PLAN = {"type": "plan", "n_lines": 2}
DAMAGED = {
    b"}{ not json": "is no JSON",
    b"\xff\xfe": "is no JSON",
    b"[" * 100_000: "is no JSON",
    b"[1, 2]": "carries no checksum",
    b'{"type": "scan"}': "carries no checksum",
    sealed({"type": "failure", "n": 17})[:-1].replace(b"17", b"18"): "does not fit its checksum",
}


def test_lines_come_back_with_their_points(tmp_path):
    """What was appended is read back; only lines whose very points are there count as done."""
    with RunLog(tmp_path, {"a": 1}) as log:
        log.append(PLAN)
        log.append_scan(scan_line("s1", "k1"), b"points")
        log.append(scan_line("s2", "k2"))
        log.append_scan(scan_line("s3", "k3"), b"other points")
        assert log.keys() == {"s1": {"k1"}}
    record = read_run(tmp_path)
    assert [line["sample"] for line in record.scans] == ["s1", "s2", "s3"]
    assert (tmp_path / "points" / "k1.npz").read_bytes() == b"points"
    assert record.settings == {"a": 1}


def test_half_a_last_line_is_passed_over_and_then_cut(tmp_path):
    """A torn last line is no error for readers, and a run that goes on replaces it by whole lines."""
    with RunLog(tmp_path, {}) as log:
        log.append_scan(scan_line("s1", "k1"), b"x")
    with open(tmp_path / "log.jsonl", "ab") as file:
        file.write(b'{"type": "scan", "key": "k2", "sam')
    assert [line["key"] for line in read_lines(tmp_path / "log.jsonl")] == ["k1"]
    with RunLog(tmp_path, {}) as log:
        log.append_scan(scan_line("s3", "k3"), b"x")
    assert [json.loads(line)["key"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == ["k1", "k3"]


def test_damage_elsewhere_is_named(tmp_path):
    """A damaged line in the middle is reported with its number and what is wrong with it, not skipped."""
    with RunLog(tmp_path, {}) as log:
        log.append(scan_line("s1", "k1"))
    path = tmp_path / "log.jsonl"
    whole = path.read_bytes()
    for damaged, why in DAMAGED.items():
        path.write_bytes(whole + damaged + b"\n" + whole)
        with pytest.raises(InputRejected, match=rf"log\.jsonl: line 2 is damaged, it {why}; delete it and run again"):
            read_run(tmp_path)


def test_a_log_without_its_plan_is_no_table(tmp_path):
    """Without the line that says how many results there should be, nobody can tell a part from the whole."""
    with RunLog(tmp_path, {}) as log:
        log.append(scan_line("s1", "k1"))
    with pytest.raises(InputRejected, match=r"log\.jsonl: its line of type plan is gone"):
        read_run(tmp_path)


def test_settings_that_are_gone_are_not_guessed(tmp_path):
    """A log whose run.json was deleted is not continued under other settings."""
    with RunLog(tmp_path, {"views": 9}) as log:
        log.append(PLAN)
    (tmp_path / "run.json").unlink()
    with pytest.raises(InputRejected, match=r"run\.json: is gone"):
        RunLog(tmp_path, {"views": 27})


def test_a_full_disk_leaves_a_whole_log(tmp_path):
    """A line that finds no room is taken back and told in one line; what was left unfinished is swept later."""
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom align3d_cli.errors import EnvironmentMissing\n"
        "from align3d_cli.evaluation.runlog import RunLog\n"
        "with RunLog(Path(sys.argv[1]), {}) as log:\n"
        "    log.append({'type': 'plan', 'n_lines': 2})\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "    for attempt in (lambda: log.append({'type': 'failure', 'sample': 'a' * 2000}),\n"
        "                    lambda: log.append_scan({'points': 'points/k.npz'}, bytes(2000))):\n"
        "        try:\n            attempt()\n"
        "        except EnvironmentMissing as error:\n            print(error)\n"
        "    log.append({'type': 'failure', 'sample': 'small'})\n"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    log, points = run.stdout.splitlines()
    assert log.startswith(f"{tmp_path / 'log.jsonl'}: cannot be written (") and "run the same command again" in log
    assert points.startswith(f"{tmp_path / 'points' / 'k.npz'}: cannot be written (")
    assert [line["type"] for line in read_lines(tmp_path / "log.jsonl")] == ["plan", "failure"]
    for folder in ("points", "models"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / ".k.npz.0123.part").write_bytes(b"half")
    with RunLog(tmp_path, {}):
        assert not list(tmp_path.rglob(".*.part"))


def test_outcomes_do_not_pile_up(tmp_path):
    """Points are dropped once they are on disk: 40 outcomes of 1 MB each take no more than a few of them."""
    import tracemalloc

    from align3d_cli.clouds.labelled import Sample
    from align3d_cli.evaluation.runner import Recorder, Talk
    from align3d_cli.evaluation.scorer import ScanOutcome, Scored, Task

    def outcome(number: int) -> ScanOutcome:
        task = Task(Sample(f"s{number}", "part", "test", "good", load=lambda: None), ())
        return ScanOutcome(task, (Scored(scan_line(f"s{number}", f"k{number}"), bytes(1_000_000)),))

    with RunLog(tmp_path, {}) as log:
        recorder = Recorder(log, Talk())
        tracemalloc.start()
        for number in range(40):
            recorder.deliver(outcome(number))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert recorder.n_new == 40 and peak < 5_000_000


def test_other_settings_and_versions_are_refused(tmp_path, monkeypatch):
    """A run takes neither other settings nor another version, and says what differs."""
    with RunLog(tmp_path, {"views": 9, "limit": None}):
        pass
    with pytest.raises(UsageError, match=r"views: 9 there, 27 asked"):
        RunLog(tmp_path, {"views": 27, "limit": None})
    monkeypatch.setattr(runlog, "__version__", "99.0")
    with pytest.raises(UsageError, match=r"version: .* 99\.0 asked"):
        RunLog(tmp_path, {"views": 9, "limit": None})


def test_one_writer_at_a_time(tmp_path):
    """A second benchmark in the same folder is turned away while the first runs."""
    with RunLog(tmp_path, {}), pytest.raises(UsageError, match="another benchmark is writing"):
        RunLog(tmp_path, {})
    with RunLog(tmp_path, {}):
        pass


def test_newest_line_counts_and_success_ends_a_failure(tmp_path):
    """Of two lines of a scan the later one is read; a failure stands until the scan is scored."""
    with RunLog(tmp_path, {}) as log:
        log.append(PLAN)
        log.append({"type": "failure", "sample": "s1", "reason": "gone"})
        log.append({"type": "failure", "sample": "s2", "reason": "gone"})
        log.append(scan_line("s1", "k1", 0.1))
        log.append(scan_line("s1", "k2", 0.9))
    record = read_run(tmp_path)
    assert [line["object_scores"]["curvature"] for line in record.scans] == [0.9]
    assert [line["sample"] for line in record.failures] == ["s2"]


def test_not_a_run(tmp_path):
    """A folder without run.json, or with another one, is rejected."""
    with pytest.raises(InputRejected, match=r"no run\.json"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputRejected, match="not the settings of a run"):
        read_run(tmp_path)


def test_finished_run_scores_nothing_again(folder_run):
    """The same question once more adds a plan line and no scan."""
    question, folder = folder_run
    before = [line for line in read_lines(folder / "log.jsonl") if line["type"] == "scan"]
    assert run_benchmark(question, folder).n_new == 0
    assert [line for line in read_lines(folder / "log.jsonl") if line["type"] == "scan"] == before


def test_changed_scan_is_scored_again(tmp_path, scan_folder, model):
    """Keys hang on the input's content: a scan whose points changed is scored anew, the others are not."""
    import shutil

    from align3d_cli.evaluation.question import Question

    root = tmp_path / "data"
    shutil.copytree(scan_folder, root)
    question = Question(data_set="folder", root=root, methods=("curvature",))
    assert run_benchmark(question, tmp_path / "run").n_new == 8
    scan = root / "good" / "0.npy"
    np.save(scan, np.load(scan) * [1.0, 1.0, 1.5])
    assert run_benchmark(question, tmp_path / "run").n_new == 1
    assert len(read_run(tmp_path / "run").scans) == 8


@pytest.mark.slow
def test_killed_run_goes_on_to_the_identical_table(tmp_path, scan_folder, model, folder_run):
    """SIGKILL in mid-run, then the same command: no line is lost or doubled, the table is that of an unbroken run."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "align3d_cli", "benchmark", "--dataset", "folder", "--root", str(scan_folder)]
    command += ["--model", str(model), "--jobs", "2", "--run", str(run), "--json"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    killed = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    log = run / "log.jsonl"
    wait_for(lambda: log.exists() and log.read_bytes().count(b'"type": "scan"') >= 2)
    children = children_of(killed.pid)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    with open(log, "ab") as file:
        file.write(b'{"type": "scan", "key"')  # as if killed while writing
    before = log.read_bytes().rpartition(b"\n")[0]
    assert before.count(b'"type": "scan"') < 16  # it was in mid-run
    wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children))  # no orphans
    command[command.index("--jobs") + 1] = "1"  # how many processes makes no difference
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=True)
    assert log.read_bytes().startswith(before)
    scans = [(line["sample"], line["arm"]["name"]) for line in read_lines(log) if line["type"] == "scan"]
    assert len(scans) == len(set(scans)) == 16
    table = render(build_table(read_run(folder_run[1])), "json")
    assert json.loads(done.stdout) == json.loads(table)


def wait_for(condition, seconds: float = 240) -> None:
    """Return when the condition holds; fail when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def children_of(pid: int) -> list[int]:
    """Process ids of the children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
