"""Whether the parts of a call of `align3d score` are still like the good ones of its model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from align3d_cli.cli import output
from align3d_cli.cli.score_call import ScoreCall

if TYPE_CHECKING:
    from align3d_cli.running.batch import Outcome


def compared(
    call: ScoreCall, outcomes: "Iterable[Outcome]", ends: "Callable[[Sequence[Outcome]], bool]"
) -> "Iterator[Outcome]":
    """The outcomes, with the field `drift` in the last of a batch. ends: see `running.drift.with_drift`

    Parts of a split scan, and parts judged beside references that the call names, are compared with nothing.
    """
    from align3d_cli.running.drift import Known, known_in, with_drift

    apart = call.split or call.good or call.reference or call.among
    known = Known() if apart else known_in(call.model)
    return with_drift(outcomes, known, ends, scored_alike=call.views is None)


def say_drift(found: "Outcome") -> None:
    """Warn where the batch that ends with this outcome has moved."""
    from align3d_cli.report.drift_text import drift_text

    drift = found.result.get("drift")
    if drift is not None and drift["moved"]:
        output.warn(drift_text(drift))
