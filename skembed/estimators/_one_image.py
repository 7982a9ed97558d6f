"""One image at a time: what scripts ask of an embedder, in terms of `transform`."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..extraction._programs import forget_network
from ..extraction._spec import ExtractionSpec
from ..formats._pixels import network_input
from ..images import Limits, as_items, read
from ._embedding_files import npy_path, save_embedding


class OneImage:
    """Methods of the embedders for single images; `transform` does the work."""

    color_space: Any
    root: Any
    transform: Any
    _checked_spec: Any

    def embed(self, image: Any) -> np.ndarray:
        """Return the features of one image.

        Parameters
        ----------
        image : path, URL, bytes, open file, PIL image or array
            A row of what :meth:`transform` takes.

        Returns
        -------
        array of shape (n_features,)
            The row that :meth:`transform` gives: float32, or int8 where the embedder makes it so.

        Raises
        ------
        ImageError
            If it cannot be read.

        See Also
        --------
        skembed.save_embedding, skembed.load_embedding : Keep it in a file.

        Notes
        -----
        ``transform`` of many images is several times faster than so many calls of ``embed``.

        Examples
        --------
        >>> from skimage import data
        >>> from skembed import PretrainedEmbedder
        >>> vector = PretrainedEmbedder(image_size=64).embed(data.coffee())
        >>> vector.shape, vector.dtype
        ((1280,), dtype('float32'))
        """
        return np.asarray(self.transform([image]))[0]

    def embed_to(
        self, path: str | os.PathLike[str], image: Any, *, overwrite: bool = False
    ) -> Path:
        """Write the features of one image to a file, unless the file is there.

        Parameters
        ----------
        path : str or path
            Of the file, as for :func:`skembed.save_embedding`.
        image : path, URL, bytes, open file, PIL image or array
            It is not looked at where the file is there.
        overwrite : bool, default=False
            Whether to write in any case.

        Returns
        -------
        Path
            Of the file.

        Raises
        ------
        ImageError
            If the image cannot be read.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> from skimage import data
        >>> from skembed import PretrainedEmbedder, load_embedding
        >>> embedder = PretrainedEmbedder(image_size=64)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = embedder.embed_to(os.path.join(folder, "coffee"), data.coffee())
        ...     again = embedder.embed_to(path, "not looked at")
        ...     print(path.name, load_embedding(again).shape)
        coffee.npy (1280,)
        """
        file = npy_path(path)
        if overwrite or not file.exists():
            save_embedding(file, self.embed(image), overwrite=True)
        return file

    def prepare(self, image: Any) -> np.ndarray:
        """Return what the network sees of one image.

        Parameters
        ----------
        image : path, URL, bytes, open file, PIL image or array
            A row of what :meth:`transform` takes.

        Returns
        -------
        float32 array of shape (1, height, width, channels)
            Decoded, resized, and with the backbone's mean and standard deviation taken off: a
            batch of one, as its ``keras.Model`` takes it.

        Raises
        ------
        ImageError
            If it cannot be read.

        Examples
        --------
        >>> from skimage import data
        >>> from skembed import PretrainedEmbedder
        >>> seen = PretrainedEmbedder("mobilenet").prepare(data.coffee())
        >>> seen.shape, bool(abs(seen).max() <= 1)
        ((1, 224, 224, 3), True)
        """
        spec: ExtractionSpec = self._checked_spec()
        limits = Limits.from_config()
        raw = read(
            as_items([image], root=self.root)[0], color_space=self.color_space, limits=limits
        )
        return network_input(spec.backbone, spec.resize, spec.decoding, raw, limits)[np.newaxis]

    @property
    def output_shape(self) -> int:
        """How many features an image has."""
        return self._checked_spec().network.width

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        """Free the memory of the network, on the device as well; its next use builds it again."""
        with contextlib.suppress(Exception):  # parameters that are refused have built nothing
            forget_network(self._checked_spec().network)
