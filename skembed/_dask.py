"""Questions about Dask, without loading it: collections, a task's worker and threads, warnings.

A process that has a collection, or is a worker, has loaded Dask before.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any


def is_dask(X: Any) -> bool:
    """Return whether X is a collection of Dask's: nothing of it is computed."""
    dask = sys.modules.get("dask")
    is_its_own = type(X).__module__.partition(".")[0] == "dask"
    return dask is not None and is_its_own and dask.is_dask_collection(X)


def worker_threads() -> int | None:
    """Return the threads of the worker whose task runs here; None where no worker does."""
    worker = current_worker()
    return None if worker is None else worker.state.nthreads


def warn(message: str, category: type[Warning], stacklevel: int) -> None:
    """Warn; in a task of Dask, warn in the clients too, because users do not read workers' logs.

    Parameters
    ----------
    message : str
        For a person.
    category : type
        The kind of warning.
    stacklevel : int
        As for :func:`warnings.warn`, from the function that calls this one.
    """
    if current_worker() is None:
        warnings.warn(message, category, stacklevel=stacklevel + 1)
    else:
        sys.modules["distributed"].warn(message, category)


def current_worker() -> Any:
    """Return the worker whose task this thread runs, or None."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.get_worker()
    except (AttributeError, ValueError):  # it is being imported; no task is running
        return None
