"""An engine of a third party: NumPy, for networks that do nothing but average colours."""

from __future__ import annotations

from skembed.engines import Batching, Engine, Program, UnsupportedNetworkError


class MeanColours(Engine):
    """It gives the mean of each channel, for backbones without weights."""

    name = "mean_colours"
    title = "Mean Colours"
    packages = ("scipy",)
    kind, installed, preferred, reason = "abacus", True, False, ""

    def is_installed(self):
        return self.installed

    def is_preferred(self):
        return self.preferred

    def unsupported(self, backbone, precision):
        if precision != "float32":
            return "it does not round to bfloat16"
        has_weights = backbone is not None and backbone.n_parameters
        return "it has no use for weights" if has_weights else ""

    def device(self):
        return self.kind

    def batching(self, batch_size):
        return Batching(4, 2)

    def build(self, network):
        if self.reason:
            raise UnsupportedNetworkError(self.reason)
        return _Averages()


class _Averages(Program):
    def compile(self, shape, dtype):
        assert (shape[0], dtype.kind) == (2, "f")

    def start(self, images):
        return lambda: images.mean(axis=(1, 2))
