"""A network for crumbs of a photograph, the crumbs as files, and a cluster of two threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from extraction_helpers import CRUMBS, save_network
from PIL import Image

from skembed import PretrainedEmbedder

if TYPE_CHECKING:  # every run loads this file, and scikit-learn takes a second more after Dask
    import dask.array as da
    from distributed import Client


@pytest.fixture(scope="package")
def network(tmp_path_factory) -> Path:
    return save_network(tmp_path_factory.mktemp("network") / "small.keras")


@pytest.fixture(scope="package")
def files(tmp_path_factory) -> list[str]:
    """Forty different images."""
    folder = tmp_path_factory.mktemp("crumbs")
    names = [str(folder / f"{i:02}.png") for i in range(40)]
    for name, crumb in zip(names, CRUMBS, strict=False):
        Image.fromarray(crumb).save(name)
    return names


@pytest.fixture(scope="package")
def reference(network, files) -> np.ndarray:
    """The rows of `files`, as one process computes them."""
    return PretrainedEmbedder(network, engine="jax", cache=False).transform(files)


@pytest.fixture
def embedder(network, tmp_path) -> PretrainedEmbedder:
    return PretrainedEmbedder(network, engine="jax", cache=tmp_path / "store")


@pytest.fixture(scope="package")
def threads() -> Iterator[Client]:
    """Two workers of one thread each, in this process."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def as_array() -> Callable[..., da.Array]:
    """Make a dask array of paths or bytes, `chunks` in each partition."""
    import dask.array as da

    def made(items, chunks: int = 10) -> da.Array:
        values = np.empty(len(items), object)
        values[:] = items
        return da.from_array(values, chunks=chunks)

    return made
