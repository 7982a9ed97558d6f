"""Which engine runs a network where the one that was chosen refuses it."""

from __future__ import annotations

import dataclasses
import warnings

from .._errors import advice, level_of_caller
from ..backbones._formats import format_of
from ..engines import Engine, MapsProgram, UnsupportedNetworkError
from ..engines._registry import engines, following
from ._repeated_calls import should_warn
from ._spec import ExtractionSpec


def known_engine(spec: ExtractionSpec) -> str:
    """Return the name of the engine that runs `spec`, as far as it is known without building."""
    engine: Engine | None = spec.engine
    while engine is not None and engine.refusal(spec.network):
        engine = following(engine, spec.network)
    return (engine or spec.engine).name


def runnable(spec: ExtractionSpec, error: Exception | None = None) -> ExtractionSpec:
    """Return `spec`, with the next engine that accepts its network if its own refuses it.

    An engine may refuse a network only once it has tried to build it, and nothing is built before
    an image needs it.

    Parameters
    ----------
    spec : ExtractionSpec
        What to compute.
    error : UnsupportedNetworkError or None
        The error of building it, if that was tried.

    Warns
    -----
    RuntimeWarning
        If the engine changes; the message says why.

    Raises
    ------
    UnsupportedNetworkError
        If no engine is left.
    """
    reason = str(error) if error is not None else spec.engine.refusal(spec.network)
    while reason:
        spec = _on_the_next(spec, reason)
        reason = spec.engine.refusal(spec.network)
    return spec


def build_maps(spec: ExtractionSpec) -> MapsProgram:
    """Build the network of `spec` for its feature maps, on the first engine that gives them.

    The engine of `spec` is asked first.

    Raises
    ------
    UnsupportedNetworkError
        If no engine gives maps of such a network.
    """
    network = spec.network
    for engine in sorted(engines(), key=lambda one: one != spec.engine):
        if engine.is_installed() and not engine.unsupported(
            network.backbone, network.precision
        ):
            maps = engine.build_maps(network)
            if maps is not None:
                return maps
    name = network.backbone.name
    if format_of(network.backbone).network_type.has_scales:
        raise UnsupportedNetworkError(
            f"{name!r} has a map for each of several scales, of windows that overlap and leave out "
            "the border. An activation map takes one map, of cells that cover the image. "
            "skembed.layers.build_layer gives the maps as they are, and prototype_matches of "
            "skembed.inspection the part of an image that is most like a prototype."
        )
    raise UnsupportedNetworkError(
        f"No engine gives the feature maps of {name!r}: {spec.engine.title} gives pooled rows only."
    )


def _on_the_next(spec: ExtractionSpec, reason: str) -> ExtractionSpec:
    refused = f"{spec.engine.title} cannot run {spec.backbone.name!r}: {reason}."
    engine = following(spec.engine, spec.network)
    if engine is None:
        raise UnsupportedNetworkError(f"{refused} No other engine can.")
    how = advice("{engine} says so without this warning.", engine=engine.name)
    text = f"{refused} {engine.title} runs it instead.{how}"
    if should_warn(text):
        warnings.warn(text, RuntimeWarning, stacklevel=level_of_caller())
    return dataclasses.replace(spec, engine=engine)
