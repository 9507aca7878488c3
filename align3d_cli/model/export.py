"""A model as one ONNX file for onnxruntime: image tower, aligner and prompts in its graph, all settings beside it.

What is exported is a bundle like any other: calibration, views, scoring and good parts stay as they were.
"""

from dataclasses import asdict, dataclass, replace

import torch

from align3d_cli.encoders.encoder import Encoder
from align3d_cli.encoders.exported import require_onnxruntime
from align3d_cli.encoders.settings import EXPORTED, ExportedSettings
from align3d_cli.errors import UsageError
from align3d_cli.model.bundle import Bundle, require_branches, require_features
from align3d_cli.model.contents import GRAPH
from align3d_cli.model.onnx_graph import IR_VERSION, OPSET, Compared, onnx_graph, require_onnx
from align3d_cli.model.parts import bundle_aligner, bundle_encoder, check_fit

POINT_TOLERANCE = 1e-4  # of a point's score between both ways to run a model: a hundredth of what is told of it
LARGEST = 2_000_000_000  # bytes of the networks; protobuf takes 2 GiB for the whole file
TRIED = 3  # views that both ways are compared on, random ones; the graph is traced with other numbers of them


@dataclass(frozen=True, slots=True)
class Exported:
    """An exported model, not yet written.

    difference: largest of a cosine between the graph and the networks that it was made of, on random images
    """

    bundle: Bundle
    difference: float


def export_bundle(bundle: Bundle) -> Exported:
    """The model as a graph that gives the same cosines, which is tried out before it is given back.

    Raises UsageError for what cannot be exported: a model without prompts, one that is exported, a tower above 2 GB or
    of half precision; EnvironmentMissing without onnx, onnxruntime or the weights of its tower.
    """
    require_branches(bundle)
    require_features(bundle)
    require_onnx()
    require_onnxruntime()
    encoder = bundle_encoder(bundle, "cpu")
    check_fit(bundle, encoder)
    text = {name: bundle.tensors[f"text.{name}"].float() for name in bundle.branches}
    compared = Compared(encoder, bundle_aligner(bundle, "cpu"), text)
    _check_exportable(bundle, compared)
    images = _random_images(encoder)
    with torch.no_grad():
        wanted = compared(images)
    graph = onnx_graph(compared, images[:2], bundle.called)
    made = _with_graph(bundle, encoder, graph)
    return Exported(made, _difference(made, images, wanted, bundle.called))


def _check_exportable(bundle: Bundle, compared: Compared) -> None:
    encoder = compared.encoder
    if encoder.compute_dtype != torch.float32:
        kind = str(encoder.compute_dtype).removeprefix("torch.")
        finding = f"its image tower runs in {kind}, a graph in float32"
        raise UsageError(f'{bundle.called}: {finding}; export a model with `precision = "float32"`')
    n_bytes = sum(one.numel() * one.element_size() for one in (*compared.parameters(), *compared.buffers()))
    if n_bytes > LARGEST:
        finding = f"its networks have {n_bytes / 1e9:.1f} GB, an ONNX file holds 2 GB"
        raise UsageError(f"{bundle.called}: {finding}; score with the model as it is")


def _random_images(encoder: Encoder) -> torch.Tensor:
    spec = encoder.spec
    rng = torch.Generator().manual_seed(0)
    return torch.rand(TRIED, spec.channels, spec.image_size, spec.image_size, generator=rng)


def _with_graph(bundle: Bundle, encoder: Encoder, graph: bytes) -> Bundle:
    """The bundle with a graph in place of its networks, and text vectors that pick out the columns of a branch."""
    spec, columns = encoder.spec, torch.eye(2 * len(bundle.branches))
    rows, across = spec.grid
    said = ExportedSettings(
        EXPORTED, spec.name, spec.style, spec.image_size, spec.channels, rows, across, spec.class_token
    )
    tensors = {name: tensor for name, tensor in bundle.tensors.items() if name.startswith("good.")}
    tensors |= {f"text.{name}": columns[2 * i : 2 * i + 2] for i, name in enumerate(bundle.branches)}
    tensors[GRAPH] = torch.frombuffer(bytearray(graph), dtype=torch.uint8)
    of = {"of": bundle.sha256, "opset": OPSET, "ir_version": IR_VERSION, "torch": torch.__version__}
    record = bundle.record | {"export": of}
    return replace(bundle, encoder=asdict(said), tensors=tensors, record=record, sha256=None, path=None)


def _difference(made: Bundle, images: torch.Tensor, wanted: tuple[torch.Tensor, torch.Tensor], called: str) -> float:
    """The largest between both ways, on one view and on several. Raises UsageError where it would be seen in a score.

    A probability moves by at most d / 2T where both cosines move by d (the slope of a sigmoid is 1/4 at most); half of
    that bound is left to the lifting.
    """
    encoder = bundle_encoder(made, "cpu")
    found = [encoder(images), *(encoder(images[i : i + 1]) for i in range(TRIED))]
    pairs = [*zip(found[0], wanted, strict=True)]
    pairs += [(one, all_[i : i + 1]) for i in range(TRIED) for one, all_ in zip(found[i + 1], wanted, strict=True)]
    largest = max(float((one - other).abs().max()) for one, other in pairs)
    if not largest <= POINT_TOLERANCE * made.scoring.temperature:  # nan too
        finding = f"its graph gives cosines that differ by {largest:.1e}"
        raise UsageError(f"{called}: {finding}; score with the model as it is")
    return largest
