"""Damaged models, run logs, records and stores: python benchmarks/fuzz_stores.py --mutants N [--kinds model] [--seed 0]

Spoils one file at a time of what align3d keeps on disk and reads again, N times a kind. What is read must be what was
written, or be refused in one line that names the place and ends with exit code 2, 4 or 5; a run log and a record that
lost lines may also tell less, as long as they say that it is less. All else is a fault, another result above all: the
table counts them, the first of each kind is printed, and the program ends with 1.
"""

import argparse
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np
from accidents import damaged
from stores import KINDS, Kind

from align3d_cli.errors import Align3DError

CODES = (2, 4, 5)  # usage, input, environment: what a damaged file may end with
OUTCOMES = ("same", "less", "refused", "fault")


def outcome(kind: Kind, folder: Path, sound: object) -> str:
    """ "same", "less", "refused", or what went wrong. sound: what `kind.read` says of the undamaged folder."""
    try:
        found = kind.read(folder)
    except Align3DError as error:
        message = str(error)
        whole = "\n" not in message and str(folder) in message and "; " in message and error.exit_code in CODES
        return "refused" if whole else f"exit code {error.exit_code} with another form of message: {message!r}"
    except Exception:  # any other exception is what this program looks for
        return traceback.format_exc()
    if found == sound:
        return "same"
    return "less" if kind.less(found, sound) else f"another result: {str(found)[:500]}"


def fuzz(name: str, count: int, seed: int, place: Path) -> tuple[Counter[str], str | None, float]:
    """How `count` damages of a kind came out, the first fault, CPU seconds of the slowest. place: an empty folder."""
    kind, rng = KINDS[name], np.random.default_rng(seed)
    folder = place / name
    folder.mkdir(parents=True)
    kind.write(folder)
    sound = kind.read(folder)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size]
    suffixes = sorted({path.suffix for path in files})
    found, first, slowest = Counter[str](), None, 0.0
    for i in range(count):
        alike = [path for path in files if path.suffix == suffixes[i % len(suffixes)]]
        path = alike[rng.integers(len(alike))]
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, rng))
        start = time.process_time()
        result = outcome(kind, folder, sound)
        slowest = max(slowest, time.process_time() - start)
        path.write_bytes(whole)
        if result not in OUTCOMES:
            first, result = first or f"{name}, damage {i} of {path.name}: {result}", "fault"
        found[result] += 1
    return found, first, slowest


def main() -> None:
    """Print a table of outcomes, and the first fault of each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutants", type=int, default=1000, help="damaged files of each kind")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print("| kind | same result | less, and said | refused | fault | slowest CPU s |\n|---|---|---|---|---|---|")
    faults = []
    with tempfile.TemporaryDirectory() as place:
        for name in options.kinds:
            found, first, slowest = fuzz(name, options.mutants, options.seed, Path(place))
            counts = " | ".join(str(found[one]) for one in OUTCOMES)
            print(f"| {name} | {counts} | {slowest:.2f} |", flush=True)
            faults += [first] if first else []
    print("", *faults, sep="\n")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
