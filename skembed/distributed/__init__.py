"""Past one machine and past memory: Dask collections in, lazy arrays or directories of files out.

What runs in a worker is an estimator, which is its parameters and what it has learnt. It knows its
network by name, builds it once in each process, and finds rows in the store. So a graph holds no
weights, and other engines (Ray, Daft) need no more than a class that holds an estimator.
"""

from ._reading import Embeddings, read_embeddings

__all__ = ["Embeddings", "read_embeddings"]
