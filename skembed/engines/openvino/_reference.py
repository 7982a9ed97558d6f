"""What a graph is compared with, and how: Keras on JAX, as ``predict`` runs it, on photographs."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..._keras import import_keras
from ...backbones._backbone import Backbone
from ...formats._network import NetworkSpec
from ...formats._pixels import normalized, pixels_for
from ...images import Limits, read

_FILE = "reference.npz"
# What float32 rounding may do, of the largest absolute value; a graph that is written down right
# stays below a tenth of it.
TOLERANCE = 1e-4
# Of the images for a network without a preparation, the first three are pixels (0 to 255). It may
# be meant for numbers in [0, 1] or [-1, 1], as the others are.
_N_PIXELS = 3
_TOLERANCE_SMALL = 1e-2
# The last two are of one colour: what divides by a contrast meets a zero there. A normalisation
# makes much of their rounding, so they need be right to a hundredth of what photographs give.
_N_FLAT = 2
_TOLERANCE_FLAT = 1e-2
# It runs for a few images only, so whatever makes it faster takes longer than it saves. The numbers
# are the same but for rounding, and come in a third of the time.
_QUICKLY_COMPILED = {
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
}
# The user's limits are for the user's images.
_LIMITS = Limits(max_image_pixels=10**9, max_image_bytes=10**9, url_timeout=1.0)


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """Images, and their right rows.

    Parameters
    ----------
    images : array of shape (n, height, width, channels)
        As the program takes them.
    rows : float32 array of shape (n, width)
        What Keras on JAX gives for them.
    largest : float32 array of shape (n, n_taps)
        The largest absolute value of each tap before it is pooled.
    """

    images: np.ndarray
    rows: np.ndarray
    largest: np.ndarray

    @classmethod
    def of(cls, spec: NetworkSpec, model: Any) -> Reference:
        """Run the network for `spec`, which has an output for each tap.

        Parameters
        ----------
        spec : NetworkSpec
            What to compute, in float32 whatever its precision.
        model : keras.Model
            The network, with one output for each tap.
        """
        images = reference_images(spec)
        rows, largest = [], []
        for outputs in run_keras(model, lambda x: model(x, training=False), spec, images):
            rows.append(np.concatenate(list(_columns(spec, outputs))))
            largest.append([largest_finite(output) for output in outputs])
        return cls(images, np.stack(rows), np.asarray(largest, np.float32))

    def save(self, folder: Path) -> None:
        """Write it beside the graph."""
        with (folder / _FILE).open("wb") as file:
            np.savez(file, images=self.images, rows=self.rows, largest=self.largest)

    @classmethod
    def kept(cls, folder: Path) -> Reference | None:
        """Read it; None where there is none that is whole."""
        # A damaged archive raises BadZipFile, zlib.error, EOFError, ...
        with contextlib.suppress(Exception), np.load(folder / _FILE) as kept:
            return cls(kept["images"], kept["rows"], kept["largest"])
        return None

    @property
    def groups(self) -> list[slice]:
        """The photographs whose values are of one magnitude, to be compared with each other."""
        return [
            group
            for group in (slice(_N_PIXELS), slice(_N_PIXELS, -_N_FLAT))
            if len(self.images[group])
        ]

    @property
    def flat(self) -> slice:
        """The images of one colour."""
        return slice(-_N_FLAT, None)

    @property
    def varied(self) -> slice:
        """All the others."""
        return slice(-_N_FLAT)

    def is_flat(self, image: int) -> bool:
        """Whether an image is of one colour."""
        return image >= len(self.images) - _N_FLAT

    def tolerance(self, image: int) -> float:
        """How far numbers may be from Keras' for an image, of the largest value.

        To a network that is meant for pixels, small numbers are all alike, and a normalisation
        makes a difference of their rounding.
        """
        if self.is_flat(image):
            return _TOLERANCE_FLAT
        return TOLERANCE if image < _N_PIXELS else _TOLERANCE_SMALL


def reference_images(spec: NetworkSpec) -> np.ndarray:
    """Return photographs as a transform gives them to the network, an array of shape (n, ...).

    They are the two that come with scikit-learn, and one of them under noise: photographs are
    smooth, and of a smooth image any pixel nearby will do. The last two are of one colour, one of
    them black.
    """
    from sklearn.datasets import load_sample_image

    china, flower = (
        _pixels(spec, load_sample_image(name)) for name in ("china.jpg", "flower.jpg")
    )
    noise = np.random.default_rng(0).integers(0, 256, china.shape)
    noisy = ((china.astype(np.int64) + noise) // 2).astype(china.dtype)
    images = [china, flower, noisy]
    if spec.backbone.preparation is None:
        images += [china / np.float32(255), flower / np.float32(127.5) - 1]
    return np.stack([*images, np.broadcast_to(china[0, 0], china.shape), np.zeros_like(china)])


def run_keras(
    model: Any, function: Callable[[Any], Any], spec: NetworkSpec, images: np.ndarray
) -> Iterator[list[np.ndarray]]:
    """Yield what a function of prepared images gives for each image, with the model's values."""
    import jax

    keras = import_keras()
    variables = [*model.trainable_variables, *model.non_trainable_variables]

    def pure(values: list[Any], x: Any) -> list[Any]:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return keras.tree.flatten(function(x))

    with _on_cpu(), jax.default_matmul_precision("highest"):
        values = jax.device_put([np.asarray(variable.value) for variable in variables])
        run = jax.jit(pure, compiler_options=_known_options())
        for image in images:
            yield [
                np.asarray(output)[0]
                for output in run(values, normalized(spec.backbone, image)[None])
            ]


@functools.cache
def _known_options() -> dict[str, Any]:
    """Return the options of `_QUICKLY_COMPILED`, or none where this version of XLA lacks one."""
    import jax

    try:
        jax.jit(lambda x: x + 1, compiler_options=_QUICKLY_COMPILED)(0.0)
    except jax.errors.JaxRuntimeError:
        return {}
    return _QUICKLY_COMPILED


def _on_cpu() -> Any:
    """Let JAX run on the CPU inside the block, where it has one."""
    import jax

    try:
        return jax.default_device(jax.local_devices(backend="cpu")[0])
    except RuntimeError:  # JAX_PLATFORMS leaves it out
        return contextlib.nullcontext()


def _columns(spec: NetworkSpec, outputs: list[np.ndarray]) -> Iterator[np.ndarray]:
    with np.errstate(all="ignore"):
        for tap, output in zip(spec.taps, outputs, strict=True):
            space = tuple(range(output.ndim - 1))
            reduce = {
                "avg": lambda x, axis: x.mean(axis, np.float64).astype(np.float32),
                "max": np.max,
                "none": lambda x, axis: x.ravel(),
            }
            for how in spec.poolings(tap):
                x = output.astype(np.float32)
                yield reduce[how](x, axis=space) if space else x


def largest_finite(output: np.ndarray) -> float:
    """The largest absolute value, infinity and NaN left out."""
    return float(np.max(np.abs(output), where=np.isfinite(output), initial=0))


def _pixels_for(backbone: Backbone, photograph: np.ndarray) -> np.ndarray:
    return pixels_for(backbone, backbone.resize, "exact", read(photograph), _LIMITS)


def _pixels(spec: NetworkSpec, photograph: np.ndarray) -> np.ndarray:
    """A photograph as a transform gives it to the network."""
    backbone = spec.backbone
    if backbone.preparation is not None or backbone.n_channels in (1, 3):
        return _pixels_for(backbone, photograph)
    # A network that takes arrays of its own shape alone: channels that differ from each other.
    three = dataclasses.replace(backbone, n_channels=3)
    colours = _pixels_for(three, photograph)
    channels = [np.roll(colours[..., i % 3], 5 * i, axis=0) for i in range(backbone.n_channels)]
    return np.stack(channels, axis=-1)


def relative_difference(expected: np.ndarray, found: np.ndarray, floor: float = 0.0) -> float:
    """The largest difference, relative to the largest expected value, or `floor` if that is more.

    Where both are NaN, or the same infinity, they agree; where one of them is, the difference is
    infinite.
    """
    expected, found = expected.astype(np.float64), found.astype(np.float64)
    apart = ~((expected == found) | (np.isnan(expected) & np.isnan(found)))
    if not apart.any():
        return 0.0
    if not (np.isfinite(expected[apart]).all() and np.isfinite(found[apart]).all()):
        return np.inf
    largest = np.abs(expected).max(where=np.isfinite(expected), initial=floor)
    least = float(np.finfo(np.float32).tiny) / TOLERANCE
    return float(np.abs(expected - found)[apart].max() / max(largest, least))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of the values that are finite in both; -1 where others disagree."""
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return -1.0
    a, b = a[finite], b[finite]
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else float(np.array_equal(a, b))
