"""An exported image tower, with its aligner and prompts, run by onnxruntime: views in, cosines with the prompts out.

Its features are the cosines themselves: D is two a branch, normal and abnormal, and the text vectors of an exported
model pick them out. So everything that is done with features of other towers is done with these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from align3d_cli.encoders.encoder import Encoder, EncoderSpec
from align3d_cli.encoders.onnx_bytes import names_files
from align3d_cli.encoders.settings import ExportedSettings
from align3d_cli.errors import EnvironmentMissing, WeightsRejected
from align3d_cli.helpers.digest import bytes_of

if TYPE_CHECKING:
    import onnxruntime

INPUT, OUTPUTS = "images", ("view_cosines", "patch_cosines")
STEP = "export the model again"
FATAL = 4  # of onnxruntime's five severities: what it has to say we say in one line


class ExportedEncoder(Encoder):
    """A graph on the CPU. Neither its global features nor its tokens are of unit length."""

    def __init__(self, settings: ExportedSettings, graph: Tensor, dim: int, called: str) -> None:
        """graph: (n,) uint8, a whole ONNX file; dim: D, two a branch; called: the model in messages

        Raises EnvironmentMissing without onnxruntime, WeightsRejected for a graph that is none or another.
        """
        super().__init__(spec_of(settings, dim))
        self.called = called
        self.session = _session(graph, called)
        self._check_ends()

    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (B, C, H, W) in [0, 1] -> cosines of the views (B, D) and of the tokens (B, T, D)."""
        try:
            found = self.session.run(list(OUTPUTS), {INPUT: images.contiguous().numpy()})
        except _refusals() as error:
            raise WeightsRejected(f"{self.called}: its graph does not run; {STEP}") from error
        dim, tokens = self.spec.embed_dim, self.spec.n_tokens
        if [one.shape for one in found] != [(len(images), dim), (len(images), tokens, dim)]:
            raise WeightsRejected(f"{self.called}: its graph gives other shapes than it states; {STEP}")
        return torch.from_numpy(found[0]), torch.from_numpy(found[1])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """images (B, C, H, W) float in [0, 1] -> the cosines as they are, see `features`."""
        return self.raw(images)

    def _check_ends(self) -> None:
        """Raise WeightsRejected unless the graph takes and gives what an exported one does."""
        side, channels, dim = self.spec.image_size, self.spec.channels, self.spec.embed_dim
        wanted = {INPUT: [channels, side, side], OUTPUTS[0]: [dim], OUTPUTS[1]: [self.spec.n_tokens, dim]}
        ends = [*self.session.get_inputs(), *self.session.get_outputs()]
        found = {end.name: end.shape[1:] for end in ends if end.type == "tensor(float)"}
        any_number = all(isinstance(end.shape[0], str) for end in ends if end.shape)
        if found != wanted or len(ends) != len(wanted) or not any_number:
            raise WeightsRejected(f"{self.called}: its graph is not the one that its settings belong to; {STEP}")


def spec_of(settings: ExportedSettings, dim: int) -> EncoderSpec:
    """What is known of an exported tower without its graph, which applies mean and standard deviation itself."""
    return EncoderSpec(
        name=settings.tower,
        style=settings.style,
        image_size=settings.image_size,
        embed_dim=dim,
        grid=(settings.rows, settings.columns),
        class_token=settings.class_token,
        mean=(0.0,) * settings.channels,
        std=(1.0,) * settings.channels,
        details="exported",
    )


def require_onnxruntime() -> None:
    """Raise EnvironmentMissing where onnxruntime is not installed."""
    try:
        import onnxruntime  # noqa: F401 - only whether it is there
    except ImportError as error:
        finding = "onnxruntime is not installed; pip install 'align3d[export]'"
        raise EnvironmentMissing(f"exported models: {finding}") from error


def _session(graph: Tensor, called: str) -> onnxruntime.InferenceSession:
    """onnxruntime on as many threads as torch has now, silent, and without telemetry."""
    require_onnxruntime()
    import onnxruntime

    try:
        outside = names_files(bytes_of(graph))
    except ValueError as error:
        raise WeightsRejected(f"{called}: its graph is no whole ONNX file ({error}); {STEP}") from error
    if outside:
        raise WeightsRejected(f"{called}: its graph names other files for its numbers, which is refused; {STEP}")
    onnxruntime.disable_telemetry_events()  # only its builds for Windows have any
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as torch's, see helpers.quiet_torch
    try:
        return onnxruntime.InferenceSession(graph.numpy().tobytes(), options, providers=["CPUExecutionProvider"])
    except _refusals() as error:
        raise WeightsRejected(f"{called}: onnxruntime takes no such graph; {STEP}") from error


def _refusals() -> tuple[type[Exception], ...]:
    """What onnxruntime raises for a graph that it cannot load or run; its classes have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile)
    return (*own, state.NotImplemented, state.RuntimeException, state.EPFail, RuntimeError, ValueError, TypeError)
