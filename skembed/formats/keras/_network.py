"""A Keras model as an engine takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._traced import TracedNetwork


@dataclass(frozen=True, slots=True)
class KerasNetwork(TracedNetwork):
    """A Keras model that computes what a request asks for.

    Parameters
    ----------
    model : keras.Model
        Functional in most cases, with one output for each tap, its channels last. It takes
        prepared float32 images.
    is_shared : bool
        Whether its variables belong to a live model of the user's: an engine copies them, so that
        what is done to the model later does not reach the program.
    """

    model: Any
    is_shared: bool

    def variables(self) -> list[list[Any]]:
        """Return what the model has learnt, trainable and not, as arrays of JAX."""
        import jax.numpy as jnp

        return [
            [jnp.array(v.value, copy=self.is_shared) for v in variables]
            for variables in (
                self.model.trainable_variables,
                self.model.non_trainable_variables,
            )
        ]

    def outputs(self, variables: list[list[Any]], images: Any) -> list[Any]:
        """Return what each tap gives, channels last."""
        # A model of somebody's own may have a call() that does not ask.
        inference = {"training": False} if self.model._call_has_training_arg else {}
        found, _ = self.model.stateless_call(*variables, images, **inference)
        return list(found) if isinstance(found, list | tuple) else [found]
