"""`align3d.benchmark`: a data set by a protocol, to one table."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from align3d_cli.clouds.settings import Background
from align3d_cli.evaluation.runlog import read_run
from align3d_cli.evaluation.tables import Table, build_table
from align3d_cli.helpers.quiet_torch import import_torch_quietly

if TYPE_CHECKING:
    from align3d_cli.evaluation.runner import Talk


def benchmark(
    run: str | Path,
    *,
    device: str = "auto",
    background: Background = "auto",
    views: str | None = None,
    jobs: int = 1,
    talk: "Talk | None" = None,
    **question: Any,
) -> Table:
    """Score a data set by a protocol into the folder of a run, or go on with it, and give its table.

    run:      folder of the run's log; one that was cut off goes on where it stood
    device, background, views: see `load` and `Model.score`
    jobs:     processes, each of which holds the model
    talk:     who is told of the progress
    question: the fields of `evaluation.question.Question`: data_set, root, protocol, methods, model, seeds, ..
    Raises UsageError (settings or data differ from the run's, no such method), EnvironmentMissing (data, weights),
    InputRejected. Scans that fail are in the table's notes.
    """
    folder = Path(run)
    import_torch_quietly()
    from align3d_cli.evaluation.question import Question
    from align3d_cli.evaluation.runner import run_benchmark
    from align3d_cli.evaluation.task import ScanSettings
    from align3d_cli.model.device import resolve_device

    scan = ScanSettings(background, views, resolve_device(device))
    run_benchmark(Question(**question, scan=scan), folder, jobs=jobs, talk=talk)
    return build_table(read_run(folder))
