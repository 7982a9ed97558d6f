"""What computes some layers of a network from others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LayerFunction:
    """The part of a network between layers that are known and layers that are asked for.

    Parameters
    ----------
    inputs : tuple of str
        The layers that it takes, of those that are known; ``""`` is the image.
    variables : object
        Arrays that `run` takes.
    run : callable
        ``run(variables, values)`` returns a list of what the layers that are asked for give, with
        the batch first; JAX traces it. `values` are those of `inputs`.
    """

    inputs: tuple[str, ...]
    variables: Any
    run: Callable[[Any, Sequence[Any]], list[Any]]
