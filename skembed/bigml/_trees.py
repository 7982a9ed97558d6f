"""Forests, whose answers are features that come before the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._keras import import_keras
from ..formats.bigml._json import Node

_MOST_NODES, _MOST_DEPTH, _MOST_UNROLLED = 2**22, 512, 64


@dataclass(frozen=True, eq=False)
class Forests:
    """Trees over some of the features; the answer of a forest is the mean of its trees.

    Nodes of all trees lie in one list, so that all are descended at once; a leaf has itself for
    both of its successors.

    Parameters
    ----------
    roots : array of shape (n_trees,)
        Where each tree begins.
    features, lefts, rights : arrays of shape (n_nodes,)
        Which feature a node looks at, and where it goes on: to the left where the feature is at
        most its threshold.
    thresholds : float32 array of shape (n_nodes,)
        See above.
    outputs : float32 array of shape (n_nodes, n_outputs)
        The answers of the leaves, filled up with 0.
    depth : int
        The most steps from a root to a leaf.
    members : tuple of (slice, int)
        The trees of each forest, and how many outputs it has.
    """

    roots: np.ndarray
    features: np.ndarray
    thresholds: np.ndarray
    lefts: np.ndarray
    rights: np.ndarray
    outputs: np.ndarray
    depth: int
    members: tuple[tuple[slice, int], ...]

    @property
    def width(self) -> int:
        """How many features they give."""
        return sum(width for _, width in self.members)

    def answers(self, x: Any) -> list[Any]:
        """Return the answer of each forest.

        Parameters
        ----------
        x : float32 array of shape (n_rows, n_features)
            JAX's.

        Returns
        -------
        list of float32 arrays of shape (n_rows, n_outputs)
        """
        import jax
        import jax.numpy as jnp

        features, thresholds, lefts, rights = (
            jnp.asarray(one)
            for one in (self.features, self.thresholds, self.lefts, self.rights)
        )

        def step(_: Any, at: Any) -> Any:
            values = jnp.take_along_axis(x, features[at], axis=1)
            return jnp.where(values <= thresholds[at], lefts[at], rights[at])

        at = jnp.broadcast_to(jnp.asarray(self.roots), (x.shape[0], len(self.roots)))
        if self.depth > _MOST_UNROLLED:
            at = jax.lax.fori_loop(0, self.depth, step, at)
        else:  # which can be written as a graph of other runtimes
            for level in range(self.depth):
                at = step(level, at)
        outputs = jnp.asarray(self.outputs)[at]
        return [outputs[:, trees, :width].mean(axis=1) for trees, width in self.members]


def forests_of(node: Node | None, n_features: int) -> Forests | None:
    """Return the forests of a network; None where it has none.

    Parameters
    ----------
    node : Node or None
        The value of ``trees``.
    n_features : int
        The width of what they look at.

    Raises
    ------
    ValueError
        For whatever is wrong in them.
    """
    if node is None or not node.items():
        return None
    nodes = _Nodes()
    for one in node:
        nodes.add_forest(one, n_features)
    return nodes.forests()


class _Nodes:
    """Collects the nodes of trees."""

    def __init__(self) -> None:
        self._splits: list[list[float]] = []  # feature, threshold, left, right
        self._leaves: dict[int, np.ndarray] = {}
        self._roots: list[int] = []
        self._members: list[tuple[slice, int]] = []
        self._depth = 0

    def add_forest(self, node: Node, n_features: int) -> None:
        """Add ``[[start, end], [tree, ...]]``, whose trees look at some of the features."""
        parts = node.items()
        if len(parts) != 2 or len(parts[0].items()) != 2:
            raise node.error("is no forest; it must be [[start, end], [tree, ...]].")
        first, last = parts[0].items()
        start = first.integer(0, n_features - 1)
        end = last.integer(start + 1, n_features)
        trees, n_leaves, n_roots = parts[1].items(), len(self._leaves), len(self._roots)
        if not trees:
            raise parts[1].error("has no trees.")
        self._roots += [self._add_tree(tree, start, end - start) for tree in trees]
        widths = {len(leaf) for leaf in list(self._leaves.values())[n_leaves:]}
        if len(widths) != 1:
            raise node.error(f"has leaves of different widths: {sorted(widths)}.")
        self._members.append((slice(n_roots, len(self._roots)), widths.pop()))

    def _add_tree(self, tree: Node, start: int, width: int) -> int:
        """Add a tree, and return where it begins; without recursion, for trees may be deep."""
        root = self._new(tree)
        waiting = [(tree, root, 0)]
        while waiting:
            node, place, depth = waiting.pop()
            self._depth = max(self._depth, depth)
            if depth > _MOST_DEPTH:
                raise tree.error(f"is deeper than {_MOST_DEPTH} splits.")
            if self._is_leaf(node, place, tree):
                continue
            feature, threshold = _split(node, tree, width)
            children = [Node(one, tree.place) for one in node.value[2:]]
            places = [self._new(tree) for _ in children]
            self._splits[place] = [start + feature, threshold, *places]
            waiting += [
                (child, at, depth + 1) for child, at in zip(children, places, strict=True)
            ]
        return root

    def _new(self, tree: Node) -> int:
        if len(self._splits) >= _MOST_NODES:
            raise tree.error(f"brings the forests to more than {_MOST_NODES:,} nodes.")
        place = len(self._splits)
        self._splits.append([0, np.inf, place, place])
        return place

    def _is_leaf(self, node: Node, place: int, tree: Node) -> bool:
        value = node.value
        if not isinstance(value, list | tuple) or len(value) != 2 or value[1] is not None:
            return False
        self._leaves[place] = Node(value[0], f"{tree.place} (a leaf)").array(None)
        return True

    def forests(self) -> Forests:
        """Return all that was added."""
        table = np.array(self._splits)
        outputs = np.zeros((len(table), max(width for _, width in self._members)), np.float32)
        for place, leaf in self._leaves.items():
            outputs[place, : len(leaf)] = leaf
        features, lefts, rights = (table[:, i].astype(np.int32) for i in (0, 2, 3))
        return Forests(
            roots=np.array(self._roots, np.int32),
            features=features,
            thresholds=table[:, 1].astype(np.float32),
            lefts=lefts,
            rights=rights,
            outputs=outputs,
            depth=self._depth,
            members=tuple(self._members),
        )


def _split(node: Node, tree: Node, width: int) -> tuple[int, float]:
    """The feature and the threshold of a node that is no leaf."""
    value = node.value
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise tree.error(
            "has a node that is neither [feature, threshold, left, right] nor [outputs, null]."
        )
    feature = Node(value[0], f"{tree.place} (a feature)").integer(0, width - 1)
    return feature, Node(value[1], f"{tree.place} (a threshold)").number()


def with_answers(x: Any, forests: Forests | None) -> Any:
    """Return features with the answers of forests before them, as a layer of Keras."""
    if forests is None:
        return x
    keras = import_keras()

    class ForestLayer(keras.layers.Layer):
        """The features, and the answers of forests before them."""

        def call(self, x: Any) -> Any:
            return keras.ops.concatenate([*forests.answers(x), x], axis=-1)

        def compute_output_shape(self, shape: Any) -> Any:
            return (*shape[:-1], shape[-1] + forests.width)

    return ForestLayer(name="forests")(x)
