"""Single embeddings in ``.npy`` files: numbers only, and whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .._files import written_whole

_SUFFIX = ".npy"
_BEGINNING = b"\x93NUMPY"
_NUMBERS = "biuf"


def npy_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of the file that is written: NumPy's suffix is added where it is missing."""
    found = Path(path).expanduser()
    return found if found.suffix == _SUFFIX else found.with_name(found.name + _SUFFIX)


def save_embedding(
    path: str | os.PathLike[str], vector: Any, *, overwrite: bool = False
) -> Path:
    """Write an embedding to a ``.npy`` file.

    Parameters
    ----------
    path : str or path
        Of the file; ``.npy`` is added where it is missing, as NumPy does.
    vector : array-like of shape (n_features,)
        Real numbers; a matrix of several rows is written as it is.
    overwrite : bool, default=False
        Whether a file that is there may be replaced.

    Returns
    -------
    Path
        Of the file. It has its name once it is whole.

    Raises
    ------
    FileExistsError
        If it is there already, without ``overwrite=True``.
    TypeError
        If `vector` holds no real numbers.
    OSError
        If the file cannot be written.

    See Also
    --------
    load_embedding : Read it.
    PretrainedEmbedder.embed_to : Embed and write, unless the file is there.

    Examples
    --------
    >>> import os, tempfile
    >>> from skembed import load_embedding, save_embedding
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_embedding(os.path.join(folder, "cat"), [0.5, 1.0])
    ...     print(path.name, load_embedding(path))
    cat.npy [0.5 1. ]
    """
    numbers = np.asarray(vector)
    if numbers.dtype.kind not in _NUMBERS or numbers.ndim == 0:
        raise TypeError(
            f"vector must hold real numbers, one a feature; got shape {numbers.shape} and dtype "
            f"{numbers.dtype}."
        )
    file = npy_path(path)
    if file.exists() and not overwrite:
        raise FileExistsError(
            f"{file} exists: say overwrite=True to replace it. embed_to leaves it as it is."
        )
    with written_whole(file) as (temporary,):
        np.save(temporary, numbers, allow_pickle=False)
    return file


def load_embedding(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an embedding from a ``.npy`` file; nothing is unpickled.

    Parameters
    ----------
    path : str or path
        Of the file; ``.npy`` may be left out. Files that pupyl wrote are read too.

    Returns
    -------
    array
        As it was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no ``.npy`` file, is cut short, or holds anything but numbers.

    See Also
    --------
    save_embedding : Write one.

    Examples
    --------
    >>> from skembed import load_embedding
    >>> load_embedding("no such file")
    Traceback (most recent call last):
    ...
    FileNotFoundError: There is no file 'no such file', nor 'no such file.npy'.
    """
    given = Path(path).expanduser()
    file = given if given.is_file() else npy_path(given)
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {str(given)!r}, nor {str(file)!r}.")
    with file.open("rb") as stream:
        if stream.read(len(_BEGINNING)) != _BEGINNING:
            raise ValueError(f"{file} is no .npy file.")
    try:
        # Mapped, so that a header that promises more than the file holds takes no memory.
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{file} holds no numbers, or is damaged: {error}") from error
    if mapped.dtype.kind not in _NUMBERS:
        raise ValueError(f"{file} holds {mapped.dtype}, and not numbers.")
    return np.array(mapped)
