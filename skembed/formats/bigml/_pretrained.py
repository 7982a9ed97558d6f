"""The networks that BigML trained on ImageNet and COCO: facts, and where weights come from."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..._errors import ImageError, WeightsError, level_of_caller
from ..._files import written_whole
from ..._text import shown_url, size_of_bytes, with_tilde
from ...images import Limits
from ...images._urls import fetch
from ..keras._fetch import Failure, FailureNote
from ._darknet import DETECTORS, heads_of

CACHE_VARIABLE = "BIGML_SENSENET_CACHE_PATH"
ADDRESS = "https://s3.amazonaws.com/bigml-cnns"
_DEFAULT_FOLDER = "~/.bigml_sensenet"
_LEAST_BYTES, _MOST_BYTES = 128 * 2**10, 2**29  # of a file that is whole
_TIMEOUT_FACTOR = 10  # a file of weights is larger than an image


@dataclass(frozen=True, slots=True)
class PretrainedNetwork:
    """What is known of a network of BigML's that is trained on ImageNet or COCO.

    Parameters
    ----------
    name : str
        Its name in documents.
    side : int
        Height and width of its images, in pixels.
    loading_method : str
        How pixels are normalised.
    n_features : int
        The width of its embedding; that of a detector is the mean over space of its last head.
    version : str
        Of its weights.
    rescale_type : {"crop", "pad"}
        How images come to its size.
    similar : str
        The backbone of skembed that has the same layers, trained by others; empty for none.

    Examples
    --------
    >>> from skembed import bigml
    >>> bigml.PRETRAINED["xception"].side
    299
    """

    name: str
    side: int
    loading_method: str
    n_features: int
    version: str
    rescale_type: str
    similar: str

    @property
    def is_detector(self) -> bool:
        """Whether it tells the boxes of objects, of the 80 classes of COCO."""
        return self.name in DETECTORS

    @property
    def weights_file(self) -> str:
        """The name of the file of its weights."""
        return f"{self.name}_weights_{self.version}.h5"

    @property
    def extractor_file(self) -> str:
        """The name of the file of the whole network."""
        return f"{self.name}_extractor_{self.version}.smbundle"

    @property
    def image_network(self) -> dict[str, Any]:
        """What a document says of it that only names it."""
        return {
            "metadata": {
                "base_image_network": self.name,
                "input_image_shape": [self.side, self.side, 3],
                "loading_method": self.loading_method,
                "rescale_type": self.rescale_type,
                **({"outputs": heads_of(self.name)} if self.is_detector else {}),
            }
        }


PRETRAINED: Mapping[str, PretrainedNetwork] = {
    row[0]: PretrainedNetwork(*row)
    for row in (
        ("mobilenet", 224, "centering", 1024, "208b4ec4", "crop", "mobilenet"),
        ("mobilenetv2", 224, "skewed_centering", 1280, "31b538bd", "crop", "mobilenet_v2"),
        ("resnet18", 224, "channelwise_standardizing", 512, "cb5ddcb5", "crop", ""),
        ("resnet50", 224, "channelwise_centering", 2048, "8705001b", "crop", "resnet50"),
        ("xception", 299, "centering", 2048, "967071f6", "crop", "xception"),
        ("tinyyolov4", 416, "normalizing", 255, "45a05485", "pad", ""),
        ("yolov4", 416, "normalizing", 255, "37999bf0", "pad", ""),
    )
}


def cache_folder() -> Path:
    """Return where the files of pretrained networks lie: as the variable says, else at home."""
    return Path(os.environ.get(CACHE_VARIABLE) or _DEFAULT_FOLDER).expanduser()


def fetch_weights(network: PretrainedNetwork) -> Path:
    """Return where the weights of a network lie, downloaded if they are not there yet.

    Raises
    ------
    WeightsError
        If they cannot be had; the message names the file, its address, the folder, and what to
        take instead. A download that failed is not tried again at once.

    Warns
    -----
    UserWarning
        That it cannot be checked whether the layers are those of BigML.
    """
    path = cache_folder() / network.weights_file
    if not _is_whole(path):
        failure = _fetched(network, path)
        if failure is not None:
            raise WeightsError(_message(network, path, failure))
    warnings.warn(
        f"BigML does not publish the layers of {network.name!r}: its weights are put into those of "
        "the paper, and that they fit is all that is known. Compare an answer with one of BigML's.",
        stacklevel=level_of_caller(),
    )
    return path


def _fetched(network: PretrainedNetwork, path: Path) -> Failure | None:
    """Download the file, unless that failed a moment ago; return why it could not be had."""
    url = f"{ADDRESS}/{path.name}"
    note = FailureNote(path.with_name(f"{path.name}.failed"), url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock")):
            if _is_whole(path):  # another process has fetched it meanwhile
                return None
            failure = note.read()
            if failure is not None:
                return failure
            try:
                data = fetch(url, _limits())
            except ImageError as error:
                return note.write(str(error).rstrip("."))
            if len(data) < _LEAST_BYTES:
                least = size_of_bytes(_LEAST_BYTES)
                return note.write(
                    f"{shown_url(url)} sent {len(data):,} bytes, less than {least}"
                )
            with written_whole(path) as (unfinished,):
                unfinished.write_bytes(data)
            note.remove()
    except OSError as error:  # the folder cannot be written to
        return Failure(str(error))
    return None


def _limits() -> Limits:
    limits = Limits.from_config()
    timeout = _TIMEOUT_FACTOR * limits.url_timeout
    return dataclasses.replace(limits, max_image_bytes=_MOST_BYTES, url_timeout=timeout)


def _is_whole(path: Path) -> bool:
    return path.is_file() and path.stat().st_size >= _LEAST_BYTES


def _message(network: PretrainedNetwork, path: Path, failure: Failure) -> str:
    similar = (
        f" Or take skembed's own {network.similar!r}, whose layers are the same and whose weights "
        f"are others: PretrainedEmbedder({network.similar!r})."
        if network.similar
        else ""
    )
    return (
        f"The weights of the pretrained network {network.name!r} cannot be had: "
        f"{failure.reason}.{failure.next_try()} BigML publishes {path.name} at "
        f"{ADDRESS}/{path.name}: put it into {with_tilde(path.parent)} ({CACHE_VARIABLE} names "
        f"another folder), or give the JSON of a deepnet that holds its image network.{similar}"
    )
