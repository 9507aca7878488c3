"""Processes on this machine: one that dies takes no scan with it but the one that kills it."""

import os
from functools import partial

import pytest

from align3d_cli.clouds.labelled import Sample
from align3d_cli.datasets.registry import open_dataset
from align3d_cli.evaluation.arms import Arm
from align3d_cli.evaluation.engine import run_local
from align3d_cli.evaluation.scorer import ScanSettings, Task

CURVATURE = (Arm("curvature", ("curvature",)),)


@pytest.mark.slow
def test_a_scan_that_kills_its_process_fails_alone(scan_folder):
    """The others are scored once each, in spite of the broken pool; the killer is tried again, then given up."""
    good = [Task(sample, CURVATURE) for sample in open_dataset("folder", scan_folder, limit=4)]
    killer = Task(Sample("killer", "own", "test", "good", partial(os._exit, 9)), CURVATURE)
    outcomes = []
    run_local([good[0], killer, *good[1:]], ScanSettings(), 2, outcomes.append)
    scored = [outcome.task.sample.name for outcome in outcomes if outcome.scored]
    assert sorted(scored) == sorted(task.sample.name for task in good)
    failed = [outcome for outcome in outcomes if outcome.failure]
    assert [outcome.task.sample.name for outcome in failed] == ["killer"]
    assert "its process died 3 times" in failed[0].failure


@pytest.mark.slow
def test_processes_give_what_one_process_gives(scan_folder):
    """Lines and points of two processes equal those of this one to the byte, apart from the seconds."""
    tasks = [Task(sample, CURVATURE) for sample in open_dataset("folder", scan_folder, limit=2)]
    found = {}
    for jobs in (1, 2):
        run_local(tasks, ScanSettings(), jobs, lambda outcome, jobs=jobs: found.setdefault(jobs, []).append(outcome))
    one, two = ({o.task.sample.name: o.scored[0] for o in found[jobs]} for jobs in (1, 2))
    assert one.keys() == two.keys()
    for name, scored in one.items():
        assert scored.points == two[name].points
        assert {**scored.line, "seconds": 0} == {**two[name].line, "seconds": 0}
