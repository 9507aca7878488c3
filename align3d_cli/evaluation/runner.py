"""A benchmark from question to log: what is missing is trained and scored, what is there is kept."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from align3d_cli.errors import UsageError
from align3d_cli.evaluation.arms import Arm, methods_of_branches
from align3d_cli.evaluation.engine import run_local
from align3d_cli.evaluation.protocols import available, base_model, tasks_of, untrained_arms
from align3d_cli.evaluation.question import STATEMENTS, Question
from align3d_cli.evaluation.runlog import RunLog
from align3d_cli.evaluation.shown import gaps
from align3d_cli.evaluation.task import ScanOutcome, ScanSettings, Task
from align3d_cli.model.bundle import Bundle

RunTasks = Callable[[Sequence[Task], ScanSettings, int | None, Callable[[ScanOutcome], None]], None]


@dataclass(frozen=True, slots=True)
class Talk:
    """Who is told: say(words) of steps, begin(scans) once, advance(failure or None) after every scan."""

    say: Callable[[str], None] = lambda text: None
    begin: Callable[[int], None] = lambda scans: None
    advance: Callable[[str | None], None] = lambda failure: None


@dataclass(frozen=True, slots=True)
class Summary:
    """n_scans of the plan, n_new scored now, failures of this call as (scan, reason)."""

    n_scans: int
    n_new: int
    failures: list[tuple[str, str]] = field(default_factory=list)


def run_benchmark(
    question: Question, folder: Path, *, jobs: int | None = 1, talk: Talk | None = None, engine: RunTasks = run_local
) -> Summary:
    """Answer a question into the folder of a run; a run that was cut off goes on where it stood.

    jobs: processes, or workers of a cluster (None for all of them)
    Raises UsageError (settings or data differ, no such method), EnvironmentMissing (data, weights), InputRejected.
    """
    talk = talk or Talk()
    base = base_model(question)
    methods, notes = available(question, base)
    first = tasks_of(question, [Arm("any", ("curvature",), seed=seed) for seed in question.data_seeds])  # data first
    with RunLog(folder, question.identity(base)) as log:
        logged = log.keys()
        refuse_others(folder, logged.keys() - {task.sample.name for task in first})
        arms, more_notes = arms_of(question, methods, base, folder, talk)
        tasks = tasks_of(question, arms, logged) if arms else []
        notes += gaps(question, arms, tasks, {task.sample.category for task in first})
        log.append(plan_line(question, base, arms, tasks, [*notes, *more_notes, *overlaps(question, base, tasks)]))
        talk.begin(len(tasks))
        recorder = Recorder(log, talk)
        engine(tasks, question.scan, jobs, recorder.deliver)
    return Summary(len(first), recorder.n_new, recorder.failures)


@dataclass(slots=True)
class Recorder:
    """Writes outcomes to the log as they come. It keeps nothing but their number and what failed: the points of a data
    set are more than fits into memory."""

    log: RunLog
    talk: Talk
    n_new: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    def deliver(self, outcome: ScanOutcome) -> None:
        """Take one outcome. Raises EnvironmentMissing when it cannot be written."""
        for scored in outcome.scored:
            self.log.append_scan(scored.line, scored.points)
        self.n_new += bool(outcome.scored)
        for name, reason in outcome.failures:
            self.log.append({"type": "failure", "sample": name, "reason": reason})
            self.failures.append((name, reason))
        self.talk.advance(outcome.failures[0][1] if outcome.failures else None)


def refuse_others(folder: Path, others: set[str]) -> None:
    """Raise UsageError for a run that holds other scans than the data: a table would mix two data sets."""
    if others:
        found = f"holds {len(others)} scans that are not in this data, first {min(others)}"
        raise UsageError(f"{folder}: {found}; name another --run")


def arms_of(
    question: Question, methods: tuple[str, ...], base: Bundle | None, folder: Path, talk: Talk
) -> tuple[list[Arm], list[str]]:
    """All arms of a benchmark, trained ones included, and notes on what is left out."""
    arms = untrained_arms(question, methods, base, folder / "models")
    if not question.trains or base is None:
        return arms, []
    from align3d_cli.evaluation.trained import Trainer

    trained, notes = Trainer(question, base, methods, folder, talk.say).arms()
    return arms + trained, notes


def plan_line(question: Question, base: Bundle | None, arms: list[Arm], tasks: list[Task], notes: list[str]) -> dict:
    """What the table must know beside the scans: the arms, how many scans there should be, and what is left out."""
    return {
        "type": "plan",
        "arms": [arm.as_json() for arm in arms],
        "n_scans": len({(task.sample.name, task.seed) for task in tasks}),
        "n_lines": sum(task.n_lines for task in tasks),
        "categories": sorted({task.sample.category for task in tasks}),
        "statement": STATEMENTS[question.protocol].format(train_set=question.source),
        "model": None if base is None else _model_facts(base),
        "notes": notes,
    }


def _model_facts(base: Bundle) -> dict[str, Any]:
    """method: the one with all its branches, whose object scores the calibration was made for."""
    own = {"name": base.name, "sha256": base.sha256, "calibration": asdict(base.calibration)}
    return own | {"method": (methods_of_branches(base.branches) or (None,))[-1]}


def overlaps(question: Question, base: Bundle | None, tasks: list[Task]) -> list[str]:
    """A warning when the given model was trained on categories of this data set that are tested."""
    if base is None or question.trains:
        return []
    shared = _trained_on(base.record, question.data_set) & {task.sample.category for task in tasks}
    named = ", ".join(sorted(shared))
    warning = f"WARNING: {base.name} was trained on {named} of this data set: those rows and the mean are no test"
    return [warning] if shared else []


def _trained_on(record: dict[str, Any], data_set: str) -> set[str]:
    """Categories of a data set in the record of a model's stages, and of the models that it is the mean of."""
    found = [record.get(stage, {}).get("data", {}) for stage in ("align", "prompt_train")]
    own = {name for data in found if data.get("name") == data_set for name in data.get("categories", [])}
    return own.union(*(_trained_on(part["record"], data_set) for part in record.get("average", [])))
