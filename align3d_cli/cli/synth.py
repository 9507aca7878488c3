"""`align3d synth`: labelled scans from the generator, or from a user's own meshes."""

import time
from collections import Counter
from pathlib import Path

import typer

from align3d_cli.helpers.settings import SEEDS
from align3d_cli.io.source import POINT_LIMIT

EXAMPLES = """Examples:

align3d synth --out parts -n 200 --seed 0

align3d synth --out mine -n 400 --from meshes/ --mode organised --jobs 4

align3d synth --out gears -n 20 --families gear,fastener --points 20000 --json

align3d synth --out twins -n 100 --pairs --families shaft,handle,lever
"""


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("synth", epilog=EXAMPLES)(synth)


def synth(
    out: Path = typer.Option(..., "--out", help="Folder for the scans; a folder of the same settings is completed."),
    n: int = typer.Option(
        200,
        "-n",
        "--number",
        min=1,
        help="How many scans, every other one of a part good; with --pairs how many pairs.",
    ),
    seed: int = typer.Option(0, min=0, max=SEEDS.most, help="The same seed gives the same scans."),
    meshes: list[Path] = typer.Option(
        [], "--from", help="Folders of meshes (or one mesh) to take instead of families."
    ),
    families: str = typer.Option("train", help="Shape families, comma-separated; or 'train', 'held-out', 'all'."),
    mode: str = typer.Option("both", help="'full' (ply, all sides), 'organised' (tiff, one depth camera) or 'both'."),
    points: int | None = typer.Option(
        None, min=500, max=POINT_LIMIT, help="Points of a scan (about, in a tiff); 25 000 to 60 000 else."
    ),
    pairs: bool = typer.Option(
        False, "--pairs", help="Each defective scan with its good twin: same part, pose and noise, same number NNN."
    ),
    jobs: int = typer.Option(0, min=0, help="Processes; 0 = one for each core."),
    as_json: bool = typer.Option(False, "--json", help="Print the summary as JSON."),
    force: bool = typer.Option(False, "--force", help="Overwrite what is there."),
) -> None:
    """Make labelled scans of parts with and without defects, for training and for trying things out.

    Each category is one tree: <out>/<category>/{good,<kind>}/NNN.ply (or .tiff), labels in
    <out>/<category>/gt/<kind>/NNN.npy (one uint8 a point; .png for a tiff). Stopped runs resume. With --pairs good/NNN
    is the twin of <kind>/NNN: without the defect, else the same.
    """
    from align3d_cli.cli import output
    from align3d_cli.cli.options import check_folder
    from align3d_cli.errors import BatchFailures
    from align3d_cli.helpers.cpus import usable_cpus
    from align3d_cli.helpers.files import make_folder
    from align3d_cli.synthetic.tree import TreePlan, write_tree

    check_folder("--out", out)
    plan = TreePlan(out, n, seed, _sources(meshes, families), _modes(mode), points, pairs)
    make_folder(out)
    started, failed = time.monotonic(), []
    done: Counter[str] = Counter()
    with output.progress("synth", plan.n_scans) as advance:
        for written in write_tree(plan, jobs or usable_cpus(), force=force):
            advance(1)
            if written.error:
                failed.append(written)
                output.warn(written.error)
            else:
                done.update(("made" if written.made else "skipped", written.kind))
    good, total = done["good"], done["made"] + done["skipped"]
    summary = {
        "out": str(out),
        "n": total,
        "pairs": n if pairs else 0,
        "good": good,
        "defective": total - good,
        "made": done["made"],
        "skipped": done["skipped"],
        "failed": len(failed),
        "categories": sorted({_name(source) for source in plan.sources[:n]}),
        "seed": seed,
        "seconds": round(time.monotonic() - started, 2),
    }
    if as_json:
        output.result_json(summary)
    else:
        output.result(
            f"{out}: {total} scans, {good} good and {total - good} defective, {done['skipped']} there already"
        )
    if failed:
        raise BatchFailures(
            f"{out}: {len(failed)} of {plan.n_scans} scans could not be made; mend or remove the meshes named above"
        )


def _name(source: str) -> str:
    from align3d_cli.synthetic.scene import source_name

    return source_name(source)


def _modes(mode: str) -> tuple[str, ...]:
    from align3d_cli.errors import UsageError

    modes = {"full": ("full",), "organised": ("organised",), "both": ("full", "organised")}
    if mode not in modes:
        raise UsageError(f"--mode {mode}: unknown; use full, organised or both")
    return modes[mode]


def _sources(meshes: list[Path], families: str) -> tuple[str, ...]:
    """Mesh files where --from names any, else families by name."""
    from align3d_cli.errors import UsageError
    from align3d_cli.synthetic import FAMILIES, HELD_OUT_FAMILIES, TRAIN_FAMILIES
    from align3d_cli.synthetic.meshes import mesh_sources

    if meshes:
        return tuple(str(path) for folder in meshes for path in mesh_sources(folder))
    groups = {"train": TRAIN_FAMILIES, "held-out": HELD_OUT_FAMILIES, "all": tuple(FAMILIES)}
    if families in groups:
        return groups[families]
    names = tuple(name.strip() for name in families.split(","))
    unknown = [name for name in names if name not in FAMILIES]
    if unknown:
        raise UsageError(f"--families {','.join(unknown)}: unknown; known are {', '.join(FAMILIES)}")
    return names
