"""The network that a request needs: built, with an output for each tap, and nothing else."""

from __future__ import annotations

from typing import Any

from ..._keras import import_keras
from ...backbones._registry import load
from ...layers._expand import after_own_activation, expanded
from ...layers._select import EMBEDDING, PREDICTIONS
from ...layers._tensors import tensors_of
from .._spec import ExtractionSpec


def tapped(spec: ExtractionSpec) -> Any:
    """Return the Keras model with one output for each tap, in the order of the columns."""
    model = load(spec.backbone, spec.builder_weights, spec.top)
    features = spec.backbone.features
    if [tap.layer for tap in spec.taps] == [EMBEDDING] and not features:
        return model
    model = expanded(model, unfuse=spec.activation == "pre")
    whole = {
        EMBEDDING: after_own_activation(model, features) if features else model.output,
        PREDICTIONS: model.output,
    }
    names = [tap.layer for tap in spec.taps if tap.layer not in whole]
    tensors = whole | tensors_of(model, names, spec.activation)
    return import_keras().Model(model.input, [tensors[tap.layer] for tap in spec.taps])
