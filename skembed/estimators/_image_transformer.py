"""The base class of all estimators on images: parameters, tags, and the request they make."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .._carried import CarriesSettings
from .._choices import ACTIVATIONS, DECODINGS, PRECISIONS
from .._errors import level_of_caller
from .._sklearn_compat import (
    CommentedRepr,
    EstimatorMixin,
    Interval,
    StrOptions,
    check_default_output,
)
from ..backbones._formats import recognised_object, share_with_clones
from ..backbones._registry import likely_format, names_a_file
from ..distributed._collections import lazy_rows, learnt_from
from ..engines._registry import AUTO, ENGINES, preferred, starts_devices
from ..extraction._extract import extract, stream
from ..extraction._failures import POLICIES, FailurePolicy, failure_policy
from ..extraction._fallback import known_engine
from ..extraction._repeated_calls import should_warn
from ..extraction._spec import ExtractionSpec, RunOptions, make_spec
from ..extraction._window import Piece
from ..formats._format import Pickled
from ..formats._network import EMBEDDING, PREDICTIONS
from ..images._items import Stream, items_or_stream
from ._directories import ToDirectories
from ._moments import Moments, merge, moments
from ._one_image import OneImage

_RANDOM = "weights=None draws random weights: the rows have the right shape and no meaning."
_SPEC = (
    "backbone",
    "activation",
    "weights",
    "image_size",
    "resize",
    "decoding",
    "precision",
    "engine",
)
_RUN = ("color_space", "batch_size", "n_jobs", "cache", "on_error", "progress")


class ImageTransformer(
    ToDirectories, OneImage, CarriesSettings, EstimatorMixin, TransformerMixin, BaseEstimator
):
    """Images in, float32 rows out; stateless, unless unreadable images become a mean."""

    backbone: Any
    engine: Any
    on_error: Any
    precision: Any
    root: Any
    weights: Any

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 - scikit-learn's protocol
        "backbone": "no_validation",  # the registry says better what is allowed
        "activation": [StrOptions(set(ACTIVATIONS))],
        "weights": [str, os.PathLike, None],
        "image_size": [Interval(Integral, 1, None, closed="left"), list, tuple, None],
        "resize": [str, None],
        "decoding": [StrOptions(set(DECODINGS))],
        "color_space": [StrOptions({"rgb", "rgba", "bgr", "bgra"})],
        "root": [str, os.PathLike, None],
        "precision": [StrOptions(set(PRECISIONS))],
        "engine": [StrOptions(ENGINES)],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "cache": ["boolean", str, os.PathLike],
        "on_error": [StrOptions(set(POLICIES))],
        "progress": ["boolean", StrOptions({"auto"}), callable],
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = self._failure_policy.is_learned
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return not self._failure_policy.is_learned or hasattr(self, "mean_")

    def __sklearn_clone__(self) -> Any:
        """A clone shares a live model with its original, as it does a Backbone."""
        share_with_clones()
        return super().__sklearn_clone__()

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        if own := recognised_object(state.get("backbone")):
            return {**state, "backbone": Pickled(state["backbone"], own)}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(own := state.get("backbone"), Pickled):  # by copy.copy
            state = {**state, "backbone": own.value}
        super().__setstate__(state)

    def _engine_comment(self) -> str:
        """What ``engine="auto"`` means, for the text of the estimator."""
        # Parameters may be anything before they are checked, and a repr never fails.
        with contextlib.suppress(Exception):
            if self.engine == AUTO and (engine := self._cheaply_known_engine()):
                return f"engine_={engine!r}"
        return ""

    __repr__: Any = CommentedRepr(_engine_comment)

    def _cheaply_known_engine(self) -> str | None:
        """What ``"auto"`` means; None where only the whole request can tell, or devices.

        An engine may have refused the network. To ask whether it has takes the request, and that
        may take Keras, or the digest of all weights.
        """
        if starts_devices():
            return None
        if (known := likely_format(self.backbone)) is None:
            return None
        engines = preferred(known.network_type, self.precision)
        if len(engines) == 1:
            return engines[0].name
        cheap = (
            isinstance(self.backbone, str)
            and not names_a_file(self.backbone)
            and self.weights in ("imagenet", None)
            and self._layers in (EMBEDDING, PREDICTIONS)
        )
        return self.engine_ if cheap else None

    @property
    def engine_(self) -> str:
        """The name of the engine in use.

        An engine may refuse the network only when it builds it, in the first transform; then this
        is the next one.
        """
        return known_engine(self._checked_spec())

    def iter_batches(self, X: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield what `transform` returns in pieces, and keep none of them.

        Memory does not grow with the number of images, but for some 200 bytes of each, by which an
        equal one is known. So a million images can be written to a file or learnt from, and their
        rows need not fit into memory. Each image goes through the network once; the row of one
        that comes again later is looked up in the store or, with ``cache=False``, read from a
        temporary file.

        Parameters
        ----------
        X : sequence of images, of length n_samples, or Scan
            As for :meth:`transform`. A :func:`skembed.images.scan` is drawn image by image, so that
            an archive need not fit into memory either. Images that are made when they are needed
            are objects with an ``__array__``.

        Returns
        -------
        iterator of (positions, rows)
            `positions`, an int array of shape (n,), says where in X the images of a piece stand.
            Pieces follow one another: all positions together are ``np.arange(n_samples)``. How
            many there are in a piece is not promised. `rows`, of shape (n, n_features), are what
            :meth:`transform` returns for them: joined, they are the same bit for bit.

        Raises
        ------
        ImageError
            As :meth:`transform`, when the image's turn comes: pieces before it have been given. The
            error, or warning, of images that all could not be read comes last.
        NotFittedError, WeightsError
            As :meth:`transform`, before the first piece.

        See Also
        --------
        skembed.extraction.record_reports : How many images ran, and which could not be read.

        Examples
        --------
        >>> from skimage import data
        >>> from skembed import PretrainedEmbedder
        >>> embedder = PretrainedEmbedder(image_size=64)
        >>> for positions, rows in embedder.iter_batches([data.coffee(), data.chelsea()]):
        ...     print(positions, rows.shape, rows.dtype)
        [0 1] (2, 1280) float32
        """
        self._make_ready()
        items_or_stream(X, self.root)  # what is no sequence of images is told now
        return ((piece.positions, piece.rows) for piece in self._pieces(X))

    def _make_ready(self) -> None:
        """Refuse to run where it is not fitted, or its parameters are not allowed."""
        check_is_fitted(self)
        self._validate_params()
        self._check()

    @property
    def _failure_policy(self) -> FailurePolicy:
        """What happens to an image that cannot be read."""
        return failure_policy(self.on_error)

    def _check(self) -> None:
        """Refuse combinations of parameters that are not allowed."""
        raise NotImplementedError

    def _output(self, rows: np.ndarray, readable: np.ndarray) -> np.ndarray:
        """What `transform` returns for the rows of these images; they may be written to."""
        raise NotImplementedError

    def _checked_spec(self) -> ExtractionSpec:
        """As `_spec`, after the parameters have been checked."""
        self._validate_params()
        return self._spec()

    @property
    def _layers(self) -> Any:
        """What of the network is asked for, as :func:`.._select.select` takes it."""
        raise NotImplementedError

    @property
    def _pooling(self) -> str:
        """How a feature map becomes columns of the request."""
        raise NotImplementedError

    def _spec(self) -> ExtractionSpec:
        """The request that the parameters make; nothing is built."""
        given = {name: getattr(self, name) for name in _SPEC}
        return make_spec(layers=self._layers, pooling=self._pooling, **given)

    def _lazy(self, X: Any) -> Any:
        """What `transform` returns for a collection of Dask's."""
        check_default_output(self)
        return lazy_rows(self, X)

    def _learn_from_parts(self, X: Any) -> Moments:
        """The moments of the rows of a collection of Dask's: its workers compute them."""
        return learnt_from(self, X, merge)

    def _learnt(self, rows: np.ndarray) -> Moments:
        """What `fit` learns of some rows."""
        return moments(rows)

    @property
    def _output_dtype(self) -> np.dtype:
        """Of what `transform` returns."""
        raise NotImplementedError

    def _request(self) -> dict[str, Any]:
        """All that changes the numbers of `transform`; with equal ones, rows are equal."""
        return {
            "columns": self._spec().meaning(),
            "precision": self.precision,
            "dtype": str(self._output_dtype),
            "fills_in": self._failure_policy.is_learned,
        }

    def _extract(self, X: Any, *, is_part: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """A float32 row for each image in X, and which of the images could be read.

        Of a part of a larger X, all may be unreadable where `on_error` lets some be.
        """
        with self._with_settings():
            return extract(*self._call(X, is_part))

    def _pieces(self, X: Any, *, is_part: bool = False) -> Iterator[Piece]:
        """The rows that `transform` returns, in pieces, and what became of the images."""
        return (self._finished(piece) for piece in self._extracted(X, is_part=is_part))

    def _finished(self, piece: Piece) -> Piece:
        rows = self._output(piece.rows.copy(), piece.readable)
        return dataclasses.replace(piece, rows=rows)

    def _extracted(self, X: Any, *, is_part: bool = False) -> Iterator[Piece]:
        """What `_extract` returns, in pieces; the rows of one are gone with the next."""
        return self._each_with_settings(self._drawn(X, is_part))

    def _drawn(self, X: Any, is_part: bool) -> Iterator[Piece]:
        yield from stream(*self._call(X, is_part))

    def _call(
        self, X: Any, is_part: bool
    ) -> tuple[list[Any] | Stream, int | None, ExtractionSpec, RunOptions]:
        """What an extraction takes: the images and their number, what to compute, and how."""
        items, n = items_or_stream(X, self.root)
        if self.weights is None and should_warn(_RANDOM):
            warnings.warn(_RANDOM, UserWarning, stacklevel=level_of_caller())
        options = RunOptions(**{name: getattr(self, name) for name in _RUN}, is_part=is_part)
        return items, n, self._spec(), options
