"""Files of weights that replace those of a document, and the networks that they fill."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._errors import WeightsError
from ..formats.bigml._image_network import ImageNetwork
from ..formats.bigml._stored_weights import SUFFIXES, StoredLayer, fill, read_weights
from ._checkpoints import read_checkpoint
from ._settings import Settings

_READERS: Mapping[str, Callable[[Path], list[StoredLayer]]] = {
    **dict.fromkeys(SUFFIXES, read_weights),
    ".smbundle": read_checkpoint,
}


@dataclass(frozen=True)
class StoredWeights:
    """A file of weights, which is read when a network is built.

    Parameters
    ----------
    path : Path
        The file.
    digest : str
        Of its content.
    """

    path: Path
    digest: str

    @functools.cached_property
    def layers(self) -> list[StoredLayer]:
        """What it holds, layer by layer."""
        return _READERS[self.path.suffix.lower()](self.path)

    def fill(self, model: Any, orders: Iterable[Sequence[str]]) -> None:
        """Put the weights into the network of a deepnet."""
        fill(model, self.layers, orders, repr(str(self.path)))

    def fill_image(self, image: ImageNetwork) -> None:
        """Put the weights into the part that takes images, of whatever whole they are."""
        source = repr(str(self.path))
        fill(
            image.extractor, self.layers, image.orders, source, is_part=True, whole=image.model
        )


def weights_of(path: str | os.PathLike[str] | None) -> StoredWeights | None:
    """Return a file of weights; None for none.

    Raises
    ------
    WeightsError
        If there is no such file, or it is of a kind that holds no weights.
    """
    if path is None:
        return None
    file = Path(path).expanduser()
    if file.suffix.lower() not in _READERS:
        raise WeightsError(
            f"{str(file)!r} holds no weights of a deepnet: a file of weights ends in "
            f"{', '.join(_READERS)}."
        )
    if not file.is_file():
        raise WeightsError(f"There is no file of weights at {str(file)!r}.")
    with file.open("rb") as stream:
        return StoredWeights(file, hashlib.file_digest(stream, "sha256").hexdigest())


def fetches(settings: Settings, weights: StoredWeights | None) -> bool:
    """Whether the weights of a pretrained network are fetched that a document only names."""
    return weights is None and settings.load_pretrained_weights is not False


def check_filled(
    image: ImageNetwork | None, settings: Settings, weights: StoredWeights | None
) -> None:
    """Refuse layers that would have no weights.

    Raises
    ------
    ValueError
        If a network is only named, and nothing brings its weights.
    """
    has_any = image is None or not image.needs_weights or weights is not None
    if image is not None and not has_any and not fetches(settings, weights):
        raise ValueError(
            f"The document only names the network {image.name!r}, and its weights are not to be "
            "fetched (load_pretrained_weights=False): give a file of weights."
        )
