"""Options of `align3d benchmark` that take several values: `--seeds 0 1 2`."""

from typing import Any

from typer.core import TyperGroup

from align3d_cli.errors import UsageError

LISTS = ("--seeds", "--category", "--methods", "--auxiliary")


class BenchmarkGroup(TyperGroup):
    """The options of a benchmark or the sub-command `table`; lists may be written as `--seeds 0 1 2`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the words of the command line, lists spread out. ctx: of typer's own, whose name is private."""
        return super().parse_args(ctx, spread_lists(args))


def spread_lists(args: list[str]) -> list[str]:
    """`--seeds 0 1 2` and `--seeds 0,1,2` as `--seeds 0 --seeds 1 --seeds 2`, for all options of LISTS.

    Raises UsageError for one that is given without a value: nothing is not all there is.
    """
    spread: list[str] = []
    option: str | None = None
    for arg in args:
        if _name(arg) in LISTS:
            option, _, arg = arg.partition("=")
            if not arg:
                continue
        elif arg.startswith("-"):
            option = None
        if option is None:
            spread.append(arg)
        else:
            spread += [word for part in arg.split(",") if part for word in (option, part)]
    if empty := [name for name in LISTS if name in map(_name, args) and name not in spread]:
        raise UsageError(f"{empty[0]}: give a value, or several")
    return spread


def _name(arg: str) -> str:
    return arg.partition("=")[0]
