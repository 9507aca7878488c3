"""Commands killed at random moments: python benchmarks/kill_commands.py N [--seed 0] [--commands score calibrate]

Starts each command N times, kills it (SIGKILL) after a random part of the time that it takes undisturbed, and looks at
what is left: a file under its final name must be whole, and partial files must carry a partial file's name. Then the
command is given once more as a user would and must end well. All else is a fault; the program ends with 1.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from align3d_cli.helpers.leftovers import PARTIAL
from align3d_cli.io.read import read_scan
from align3d_cli.model.bundle import load_bundle

N_SCANS = 12  # the fewest good ones that `calibrate` takes are ten
POINTS = 3000


@dataclass(frozen=True)
class Case:
    """arguments: of the command, with what it goes on with; check: raises for a damaged file; suffix: of those."""

    arguments: Callable[[Path, Path], list[str]]
    check: Callable[[Path], object]
    suffix: str


CASES = {
    "score": Case(
        lambda data, out: ["score", str(data / "part"), "--out-dir", str(out), "--resume", "--quiet"], read_scan, ".ply"
    ),
    "calibrate": Case(
        lambda data, out: ["calibrate", "--root", str(data), "--out", str(out / "m.safetensors"), "--force"],
        load_bundle,
        ".safetensors",
    ),
}


def write_scans(folder: Path) -> None:
    """part/good/NN.xyz: balls with noise, each its own draw."""
    (folder / "part" / "good").mkdir(parents=True)
    for number in range(N_SCANS):
        rng = np.random.default_rng(number)
        xyz = rng.normal(size=(POINTS, 3))
        xyz *= (1 + rng.normal(0, 0.01, (POINTS, 1))) / np.linalg.norm(xyz, axis=1, keepdims=True)
        np.savetxt(folder / "part" / "good" / f"{number:02}.xyz", xyz)


def run(arguments: list[str], kill_after_s: float | None = None) -> int:
    """Exit code of the program, killed after that time unless it has ended."""
    process = subprocess.Popen([sys.executable, "-m", "align3d_cli", *arguments], stdout=subprocess.DEVNULL)
    try:
        return process.wait(kill_after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        return process.wait()


def faults_of(case: Case, folder: Path) -> list[str]:
    """What is wrong with the files that a killed command left."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if PARTIAL.fullmatch(path.name) or path.suffix != case.suffix:
            continue
        try:
            case.check(path)
        except Exception as error:  # whatever a half-written file throws is what is looked for
            found.append(f"{path.name}: {type(error).__name__}: {error}")
    return found


def attack(name: str, n: int, rng: random.Random) -> list[str]:
    """Kill one command n times; print its row, return its faults."""
    case, faults, killed, partial = CASES[name], [], 0, 0
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "data"
        write_scans(data)
        whole = Path(place) / "whole"
        whole.mkdir()
        start = time.perf_counter()
        assert run(case.arguments(data, whole)) == 0
        seconds = time.perf_counter() - start
        for number in range(n):
            out = Path(place) / f"out{number}"
            out.mkdir()
            killed += run(case.arguments(data, out), rng.uniform(0.3, 1.0) * seconds) == -signal.SIGKILL
            faults += faults_of(case, out)
            partial += sum(bool(PARTIAL.fullmatch(path.name)) for path in out.rglob(".*"))
            code = run(case.arguments(data, out))
            faults += [f"the next call ended with {code}"] * (code != 0) + faults_of(case, out)
            same = len(list(out.rglob(f"*{case.suffix}"))) == len(list(whole.rglob(f"*{case.suffix}")))
            faults += [] if same else ["files are missing after the next call"]
    print(f"{name:10} {n:5} runs {killed:5} killed {partial:5} partial files left {len(faults):5} faults", flush=True)
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", type=int, help="runs of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", nargs="+", choices=list(CASES), default=list(CASES))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    faults = [fault for name in options.commands for fault in attack(name, options.n, rng)]
    print("\n".join(faults[:10]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
