"""The loop of everything that is trained here: units of work, checkpoint, log, clock."""

import time
from typing import Any, Protocol

from align3d_cli.errors import InputRejected
from align3d_cli.training.checkpoint import load_checkpoint, save_checkpoint
from align3d_cli.training.run import Line, Losses, LossLog, Run


class Work(Protocol):
    """What is brought to its goal unit by unit: epochs over samples, or steps over a stream.

    The state must hold all that the next unit depends on, so that a run that was killed and goes on gives the same
    bytes as one that was not.
    """

    @property
    def done(self) -> int:
        """Units done so far."""

    def advance(self) -> Losses:
        """Do one unit; its losses, the same names every time."""

    def state(self) -> dict[str, Any]:
        """Everything that changes, as `save_checkpoint` takes it."""

    def restore(self, state: dict[str, Any]) -> None:
        """Back to where `state` was taken."""


def train(work: Work, goal: int, run: Run, log: LossLog | None = None) -> list[Line]:
    """Bring work to `goal` units or to the end of the run's time, and one unit on at least; goes on from its folder.

    Returns the lines of the log. Raises UsageError when a loss stops being finite, InputRejected for a checkpoint that
    cannot be used, EnvironmentMissing where the folder cannot be written.
    """
    log = log or LossLog()
    _resume(work, run, log)
    started = saved = time.monotonic()
    while work.done < goal:
        losses = work.advance()
        line = log.add(work.done, losses, last=work.done == goal)
        over = run.workers.agree(_is_over(started, run), run.device)
        if over or work.done == goal or time.monotonic() - saved >= run.save_seconds:
            _save(work, run, log)
            saved = time.monotonic()
        if line:
            run.append_log(line)
            run.on_line(line)
        run.on_unit(work.done)
        if over:
            break
    return log.lines


def _resume(work: Work, run: Run, log: LossLog) -> None:
    if not run.checkpoint:
        return
    if (state := load_checkpoint(run.checkpoint, run.identity, run.anew)) is not None:
        try:
            work.restore(state["work"])
            log.restore(state["log"])
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # whole, but of another form
            raise InputRejected(f"{run.checkpoint}: holds another kind of run; {run.anew}") from error
    run.write_log(log.lines)


def _save(work: Work, run: Run, log: LossLog) -> None:
    if run.checkpoint and run.workers.first:
        log.means(work.done)  # weights that are no numbers any more must not replace the last good ones
        save_checkpoint(run.checkpoint, {"work": work.state(), "log": log.state()}, run.identity)


def _is_over(started: float, run: Run) -> bool:
    return run.max_minutes is not None and time.monotonic() - started >= 60 * run.max_minutes
