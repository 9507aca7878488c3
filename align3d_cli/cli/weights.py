"""`align3d weights`: what is installed, fetch more, check it, and turn released checkpoints into models."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer

from align3d_cli.cli.options import each_positive, examples

MEGABYTE = 10**6

app_weights = typer.Typer(help="List, fetch, verify and import models and weights.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(app_weights, name="weights", epilog=examples("align3d weights list", "align3d weights verify"))


@app_weights.command("list", epilog=examples("align3d weights list --json"))
def list_weights(as_json: bool = typer.Option(False, "--json", help="Print the list as JSON.")) -> None:
    """Show the models and weights on this machine, by place, with their size."""
    from align3d_cli.cli import output
    from align3d_cli.helpers.places import weights_dirs
    from align3d_cli.hub.installed import inventory

    sizes = {path: path.stat().st_size for path in inventory(weights_dirs())}
    if as_json:
        output.result_json([{"name": path.stem, "path": str(path), "bytes": size} for path, size in sizes.items()])
        return
    for path, size in sizes.items():
        output.result(f"{path.stem:28s} {size / 1e6:9.1f} MB  {path}")


@app_weights.command("verify", epilog=examples("align3d weights verify"))
def verify() -> None:
    """Hash every installed file again and load it as scoring would; exit 5 when one is damaged."""
    from align3d_cli.cli import output
    from align3d_cli.errors import WeightsRejected
    from align3d_cli.helpers.places import weights_dirs
    from align3d_cli.hub.installed import inventory, state_of

    damaged = []
    for path in inventory(weights_dirs()):
        state, detail = state_of(path)
        output.result(f"{state:10s} {path}  {detail}")
        damaged += [path] if state == "damaged" else []
    if damaged:
        names = ", ".join(map(str, damaged))
        raise WeightsRejected(f"{names}: cannot be used; remove and fetch or install again")


@app_weights.command("fetch", epilog=examples("align3d weights fetch ViT-L-14-336 --pretrained openai"))
def fetch_weights(
    name: str = typer.Argument(..., help="open_clip model, e.g. ViT-L-14-336."),
    pretrained: str | None = typer.Option(None, help="open_clip tag of the weights (default: openai where there is)."),
    url: str | None = typer.Option(None, help="Another address of the same file."),
    hub: bool = typer.Option(False, "--hub", help="From the model hub instead of OpenAI's address."),
    revision: str | None = typer.Option(None, help="Commit of the hub's repository to take."),
    sha256: str | None = typer.Option(None, help="SHA-256 that the file must have."),
) -> None:
    """Fetch an open_clip model's weights into the cache; the only command that opens a socket.

    The file appears only when its hash is right. ALIGN3D_OFFLINE=1 or HF_HUB_OFFLINE=1 forbids it.
    """
    from align3d_cli.cli import output
    from align3d_cli.encoders.clip_weights import architecture, how_to_get
    from align3d_cli.encoders.sources import source_of
    from align3d_cli.errors import UsageError
    from align3d_cli.helpers.places import cache_dir
    from align3d_cli.hub.fetch import fetch

    found = architecture(name, pretrained, None)
    if found.tag is None:
        raise UsageError(how_to_get(found))
    source = source_of(name, found.tag, found.tag_config, url=url, hub=hub, revision=revision, sha256=sha256)
    if source.trust == "first use":
        output.warn(f"no hash of {source.filename} is known beforehand; the first one seen is noted and held to")
    with _meter(source.filename) as advance:
        fetched = fetch(source, cache_dir(), say=output.info, advance=advance)
    was = "was there" if fetched.there else "fetched"
    output.result(f"{fetched.path}: {was}, {fetched.n_bytes} bytes, SHA-256 {fetched.sha256} ({fetched.trust})")


@contextmanager
def _meter(name: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar in megabytes on a terminal, opened when the first bytes and with them the size are known."""
    from align3d_cli.cli import output

    with ExitStack() as stack:
        step, shown = None, 0

        def advance(done: int, total: int | None) -> None:
            nonlocal step, shown
            if step is None:
                megabytes = None if total is None else total // MEGABYTE
                step = stack.enter_context(output.progress(f"{name}, MB", megabytes))
            step(done // MEGABYTE - shown)
            shown = done // MEGABYTE

        yield advance


@app_weights.command("manifest", epilog=examples("align3d weights manifest weights/ --licence Apache-2.0"))
def manifest(
    folder: Path = typer.Argument(..., help="Folder of .safetensors files."),
    licence: str | None = typer.Option(None, help="Of files that do not say it themselves."),
    source: str | None = typer.Option(None, help="Of files that do not say it themselves."),
) -> None:
    """Write manifest.json: bytes, SHA-256, licence and source of every file, which every load is checked against."""
    from align3d_cli.cli import output
    from align3d_cli.helpers.manifest import write_manifest

    for name, entry in write_manifest(folder, licence=licence, source=source).items():
        output.result(f"{name}  {entry['bytes']} bytes  {entry['sha256']}")


@app_weights.command(
    "import",
    epilog=examples(
        "align3d weights import mvtec3d/carrot/weight --profile paper --out carrot.safetensors",
        "align3d weights import epoch_15_rgb.pth epoch_15_rendering.pth --out carrot.safetensors",
    ),
)
def import_weights(
    files: list[Path] = typer.Argument(
        ...,
        help="Released checkpoint of one model: its .pth files, the stem epoch_k.pth of a pair, or its folder "
        "<data set>/<class>/weight (the last epoch).",
    ),
    out: Path = typer.Option(..., "--out", help="The model to write (.safetensors)."),
    kind: str = typer.Option("align3d", help="align3d, pointad, anomalyclip or efficientnet-lite."),
    backbone: str = typer.Option("ViT-L-14-336", help="open_clip model of the prompts, or its open_clip_config.json."),
    pretrained: str | None = typer.Option(None, help="open_clip tag of its weights."),
    weights: Path | None = typer.Option(None, help="File of those weights, instead of the cache."),
    profile: str | None = typer.Option(
        None,
        help="How it draws and scores: paper or pointad as published, align3d with the faults mended, or a .toml file "
        "(default: the one of its kind).",
    ),
    ignore_unknown: bool = typer.Option(False, "--ignore-unknown", help="Leave unknown tensors aside."),
    force: bool = typer.Option(False, "--force", help="Overwrite --out."),
) -> None:
    """Turn released checkpoints of Align3D-AD, PointAD or AnomalyCLIP into a model, or ImageNet weights into a trunk.

    Pickles of strangers are read here and nowhere else: tensors only (torch's weights_only), within a size limit.
    """
    from align3d_cli.cli import output
    from align3d_cli.errors import UsageError
    from align3d_cli.helpers.files import check_free
    from align3d_cli.hub.released import PROFILE_OF, import_efficientnet, import_prompts
    from align3d_cli.model.find import check_out

    check_out(check_free(out, force=force))
    output.warn("reading pickled checkpoints: tensors only, but take them from their authors alone")
    if kind == "efficientnet-lite":
        made = import_efficientnet(files, out)
    elif kind in PROFILE_OF:
        made = import_prompts(
            files,
            out,
            kind,
            backbone=backbone,
            pretrained=pretrained,
            weights=weights,
            ignore_unknown=ignore_unknown,
            profile=profile,
        )
    else:
        raise UsageError(f"--kind {kind} is not known; use one of {', '.join(PROFILE_OF)}, efficientnet-lite")
    for note in made["notes"]:
        output.info(f"note: {note}")
    output.result(f"{made['out']}: {made['kind']}, SHA-256 {made['sha256']}")


@app_weights.command(
    "average", epilog=examples("align3d weights average a.safetensors b.safetensors --out mean.safetensors")
)
def average(
    models: list[Path] = typer.Argument(
        ..., help="Models of one tower or tuned from one start, or a start and its tuning."
    ),
    out: Path = typer.Option(..., "--out", help="The model to write (.safetensors)."),
    share: list[float] = typer.Option([], callback=each_positive, help="Weight of each, in order; default: alike."),
    force: bool = typer.Option(False, "--force", help="Overwrite --out."),
) -> None:
    """Average the image towers and prompts of several models; settings are those of the first.

    Models of different towers lose their aligners: run `align` and `prompt-train` on the result.

    Models of one tower (`prompt-train` with several seeds) keep the first one's aligner.

    In either case `calibrate` the result.
    """
    from align3d_cli.cli import output
    from align3d_cli.helpers.files import check_free
    from align3d_cli.model.average import average_bundles
    from align3d_cli.model.bundle import load_bundle, save_bundle
    from align3d_cli.model.find import check_out

    check_out(check_free(out, force=force))
    bundles = [load_bundle(model) for model in models]
    saved = save_bundle(out, average_bundles(bundles, share or [1.0] * len(bundles)))
    output.result(f"{saved.path}: mean of {len(bundles)} models, SHA-256 {saved.sha256}")
