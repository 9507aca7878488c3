"""`align3d export`: a model as one ONNX file."""

from pathlib import Path

import typer

from align3d_cli.cli.options import examples

EXAMPLES = examples(
    "align3d export align3d-lite --out model.onnx",
    "align3d export line3.safetensors --out line3.onnx --json",
    "align3d score part.ply --model model.onnx --out heatmap.ply",
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("export", epilog=EXAMPLES)(export)


def export(
    model: str = typer.Argument(metavar="MODEL", help="Name or path of the model."),
    out: Path = typer.Option(..., "--out", help="The file to write (.onnx)."),
    as_json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
    force: bool = typer.Option(False, "--force", help="Overwrite --out."),
) -> None:
    """Write a model as one ONNX file (opset 17), which `--model` takes as any other, run by onnxruntime on the CPU.

    In the graph: mean and standard deviation, the image tower, its aligner and its prompts. From the images of any
    number of views (V, C, H, W) in [0, 1] to cosines with the normal and the abnormal prompt of each branch: of each
    view, view_cosines (V, K), and of each token, patch_cosines (V, T, K).

    In the metadata: views, scoring, calibration, good parts and the record of training, with a checksum.

    Outside, in align3d: reading and preparing the scan, drawing the views, softmax and temperature, maps from tokens,
    lifting to points, smoothing, object score, good parts and calibration.

    The graph is tried on random images before it is written. Scores of points differ by less than 0.0001 from those of
    the model itself. Needs `pip install 'align3d\\[export]'`. What cannot be exported: towers above 2 GB or of half
    precision. An exported model scores, teaches and calibrates; it cannot be trained further or averaged.
    """
    from align3d_cli.cli import output
    from align3d_cli.errors import UsageError
    from align3d_cli.helpers.files import check_free
    from align3d_cli.helpers.quiet_torch import import_torch_quietly
    from align3d_cli.model.find import ONNX_SUFFIX, find_model

    if check_free(out, force=force).suffix != ONNX_SUFFIX:
        raise UsageError(f"--out {out}: names no ONNX file; let it end with {ONNX_SUFFIX}")
    path = find_model(model)
    import_torch_quietly()
    from align3d_cli.model.bundle import load_bundle, save_bundle
    from align3d_cli.model.export import export_bundle

    made = export_bundle(load_bundle(path))
    saved = save_bundle(out, made.bundle)
    size, told = out.stat().st_size, saved.record["export"]
    if as_json:
        facts = {"out": str(out), "sha256": saved.sha256, "bytes": size, "model": saved.name, **told}
        output.result_json(facts | {"branches": list(saved.branches), "largest_difference": made.difference})
        return
    what = f"{size / 1e6:.1f} MB, opset {told['opset']}, branches {' and '.join(saved.branches)}"
    output.result(f"{out}: {what}; cosines within {made.difference:.1e} of {model}'s, SHA-256 {saved.sha256}")
