"""A model's networks as one ONNX graph: from images to the cosines that scoring begins with.

Traced by torch's TorchScript exporter: it is in every torch since 2.4 and needs the package onnx alone; the newer one
needs onnxscript, and its graph of the default model is one that onnxruntime refuses (torch 2.14).
"""

from __future__ import annotations

import inspect
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from align3d_cli import __version__
from align3d_cli.encoders.encoder import Encoder, EncoderSpec
from align3d_cli.encoders.exported import INPUT, OUTPUTS
from align3d_cli.encoders.lite_trunk import grow_kernels
from align3d_cli.errors import EnvironmentMissing, UsageError
from align3d_cli.helpers.quiet_torch import silent_stdout
from align3d_cli.helpers.words import first_line
from align3d_cli.model.aligner import Aligner
from align3d_cli.model.similarity import view_logits

if TYPE_CHECKING:
    import onnx

OPSET, IR_VERSION = 17, 8  # the first with LayerNormalization as one operator; what onnxruntime reads since 1.12
VIEWS = "views"  # the name of the free axis


class Compared(nn.Module):
    """Image tower, aligner and prompts of a model in one: every branch's features compared with its two prompts."""

    def __init__(self, encoder: Encoder, aligner: Aligner | None, text: dict[str, Tensor]) -> None:
        """text: (2, D) of every branch, in the order of the columns"""
        super().__init__()
        self.encoder, self.aligner = encoder, aligner
        self.branches = tuple(text)
        for name, vectors in text.items():
            self.register_buffer(f"text_{name}", vectors)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (B, C, H, W) float in [0, 1] -> cosines of the views (B, K) and of their tokens (B, T, K), K two a
        branch: with the normal and the abnormal prompt."""
        plain = self.encoder(images)
        of = {"rendering": plain, "rgb": self.aligner(*plain) if self.aligner else plain}
        text = {name: getattr(self, f"text_{name}") for name in self.branches}
        return (
            torch.cat([view_logits(of[name][0], text[name], 1.0) for name in self.branches], dim=-1),
            torch.cat([view_logits(of[name][1], text[name], 1.0) for name in self.branches], dim=-1),
        )


def require_onnx() -> None:
    """Raise EnvironmentMissing where the package onnx is not installed."""
    try:
        import onnx  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise EnvironmentMissing("export: onnx is not installed; pip install 'align3d[export]'") from error


def onnx_graph(compared: Compared, images: Tensor, called: str) -> bytes:
    """The graph of a model's networks, checked, without metadata. The networks are changed: for this alone.

    images: (B, C, H, W) to trace with; called: the model in messages
    Raises UsageError for networks that cannot be put into a graph.
    """
    import onnx

    grow_kernels(compared, images)
    try:
        made = onnx.load_model_from_string(_traced(compared, images))
    except (torch.onnx.errors.OnnxExporterError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        finding = f"its image tower cannot be exported ({first_line(error)[:100]})"
        raise UsageError(f"{called}: {finding}; score with the model as it is") from error
    _state(made, compared.encoder.spec, 2 * len(compared.branches))
    onnx.checker.check_model(made, full_check=True)
    return made.SerializeToString(deterministic=True)


def _traced(compared: Compared, images: Tensor) -> bytes:
    """What torch makes of the networks. It warns of every size that it takes for a constant, as they are here, and
    prints what it cannot export."""
    legacy: dict[str, Any] = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    stream = io.BytesIO()
    with warnings.catch_warnings(), silent_stdout(), _plain_attention(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            compared.eval(),
            (images,),
            stream,  # type: ignore[arg-type]  # a file in memory is documented and not declared
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes={name: {0: VIEWS} for name in (INPUT, *OUTPUTS)},
            opset_version=OPSET,
            **legacy,
        )
    return stream.getvalue()


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Inside, torch's own attention modules run as operators that a graph has; set back afterwards."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _state(made: onnx.ModelProto, spec: EncoderSpec, columns: int) -> None:
    """Write into a graph what is known of its ends, and who made it."""
    made.ir_version = IR_VERSION
    made.producer_name, made.producer_version = "align3d", __version__
    made.graph.name = "align3d"
    made.graph.doc_string = (
        f"{INPUT}: (views, {spec.channels}, {spec.image_size}, {spec.image_size}) in [0, 1], drawn by align3d. "
        "Cosines with the normal and the abnormal prompt of each branch; softmax, maps and scores are align3d's."
    )
    for end, sizes in zip(made.graph.output, ((columns,), (spec.n_tokens, columns)), strict=True):
        for axis, size in enumerate(sizes, 1):
            end.type.tensor_type.shape.dim[axis].dim_value = size
