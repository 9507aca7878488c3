"""Commands killed at random moments: python benchmarks/kill_commands.py N [--seed 0] [--commands score calibrate]

Starts each command N times, kills it (SIGKILL) after a random part of the time that it takes undisturbed, and looks at
what is left: files under their final names must be whole, partial files must carry such a name, and no process may
stay. Then the same command is given once more, as if an hour later: it must end well, with the files of an
undisturbed call to the last byte (a benchmark with its table), and nothing partial may stay. All else is a fault; the
program ends with 1.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from killable import CASES, Case, prepare, unreadable

from align3d_cli.helpers.leftovers import PARTIAL

HOUR = 3600.0
PATIENCE_S = 120.0  # a worker whose program is killed amid its imports notices when they are done: 30 s if busy


def run(arguments: list[str], kill_after_s: float | None = None) -> tuple[int, bool]:
    """Exit code of the program, killed after that time unless it has ended, and whether processes of it stayed."""
    command = [sys.executable, "-m", "align3d_cli", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        code = process.wait(kill_after_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        code = process.wait()
    return code, stays(process.pid)


def stays(group: int) -> bool:
    """Whether a process of the group is still there after PATIENCE_S; it is ended then."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    return True


def partial_files(folder: Path) -> list[Path]:
    """The partial files of a folder, made an hour old."""
    found = [path for path in folder.rglob(".*") if PARTIAL.fullmatch(path.name)]
    for path in found:
        os.utime(path, (time.time() - HOUR,) * 2)
    return found


def faults_after_kill(case: Case, arguments: list[str], out: Path, sound: object) -> list[str]:
    """What is wrong with the files that a killed command left, and with the same command given once more."""
    faults = unreadable(out)
    code, stayed = run(arguments)
    faults += [f"the next call ended with {code}"] * (code != 0) + ["the next call left processes"] * stayed
    faults += unreadable(out) + [f"{path.name} stays" for path in partial_files(out)]
    return faults if faults or case.result(out) == sound else ["the next call ended with another result"]


def attack(name: str, n: int, rng: random.Random) -> list[str]:
    """Kill one command n times; print its row, return its faults."""
    case, faults, killed, partial = CASES[name], [], 0, 0
    with tempfile.TemporaryDirectory() as place:
        data = prepare(Path(place) / "data")
        # one name for all outputs: it may stand in what is written
        out, start = Path(place) / "out", time.perf_counter()
        out.mkdir()
        code, _ = run(case.arguments(data, out))
        assert code == 0, f"{name}, undisturbed, ended with {code}"
        seconds, sound = time.perf_counter() - start, case.result(out)
        for number in range(n):
            out.rename(Path(place) / f"done{number}")
            out.mkdir()
            code, stayed = run(case.arguments(data, out), rng.uniform(0.3, 1.0) * seconds)
            killed += code == -signal.SIGKILL
            partial += len(partial_files(out))
            faults += ["processes of the killed call stayed"] * stayed
            faults += faults_after_kill(case, case.arguments(data, out), out, sound)
    print(f"| {name} | {n} | {killed} | {partial} | {len(faults)} | {seconds:.0f} |", flush=True)
    return [f"{name}: {fault}" for fault in faults]


def main() -> int:
    """Print a table of all commands, and what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("n", type=int, help="runs of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", nargs="+", choices=list(CASES), default=list(CASES))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    print(
        "| command | runs | killed | partial files left | faults | s undisturbed |\n|---|---|---|---|---|---|",
        flush=True,
    )
    faults = [fault for name in options.commands for fault in attack(name, options.n, rng)]
    print("", *faults[:20], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
