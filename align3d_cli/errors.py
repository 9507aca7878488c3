"""One error family; every class owns its exit code. A plain ValueError is a bug of ours and keeps its traceback.

Messages say file, finding, next step: `part.ply: header promises 900 points, the file holds 12; export it again`.
"""


class Align3DError(Exception):
    """Something the user can act on. Printed as one line, never with a traceback.

    exit_code: of the program that ends with it; kind: the word for it in JSON results
    """

    exit_code = 1
    kind = "internal"


class UsageError(Align3DError):
    """The call cannot be carried out as written: contradicting or impossible options."""

    exit_code = 2
    kind = "usage"


class InputRejected(Align3DError):
    """A scan, data set or checkpoint to be imported that cannot be used, and why."""

    exit_code = 4
    kind = "input"


class WeightsRejected(InputRejected):
    """A model or weights file that is there and cannot be used, shipped or named: damaged, or another. It
    is what scoring stands on, not what is scored."""

    exit_code = 5
    kind = "environment"


class EnvironmentMissing(Align3DError):
    """Weights, device, renderer or data that this machine does not have, and how to get it."""

    exit_code = 5
    kind = "environment"


class BatchFailures(Align3DError):
    """A batch that ran to its end although some of its items failed."""

    exit_code = 6
