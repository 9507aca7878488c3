"""The lines of a run log as they are read: each as it was written, or the log is refused."""

from pathlib import Path
from typing import Any

from align3d_cli.errors import InputRejected
from align3d_cli.helpers.sealed_lines import unsealed


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last one that was cut short is passed over. Raises InputRejected for damage elsewhere."""
    try:
        lines = path.read_bytes().split(b"\n") if path.exists() else []
    except OSError as error:
        raise InputRejected(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    found = []
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line break is empty or torn
        try:
            found.append(unsealed(line))
        except ValueError as error:
            damage = f"{path}: line {number} is damaged, it {error}; delete it and run again to score it anew"
            raise InputRejected(damage) from error
    return found
