"""Write a pipeline to a file, and read it again: skops' format, and which types it may hold."""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import sklearn
from sklearn.base import BaseEstimator

from .._errors import LoadError, level_of_caller
from .._files import written_whole
from .._optional import skops_io
from .._version import __version__
from ..backbones import Backbone
from ..backbones._formats import recognised_object
from ._archive import RefusedError, check_archive
from ._contents import check_contents, walk
from ._trusted import TRUSTED, foreign, named

_VERSIONS = "skembed.json"


def save(estimator: Any, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a pipeline to a file that holds data and no code.

    The format is skops', without pickle: loading the file runs nothing that is in it.

    Parameters
    ----------
    estimator : estimator
        A pipeline, ColumnTransformer, search or single estimator, fitted or not, of skembed's and
        scikit-learn's types.
    path : str or path
        Where; usually it ends in ``.skops``.
    overwrite : bool, default=False
        Whether to replace a file that is there.

    Raises
    ------
    TypeError
        If the estimator holds what :func:`load` would refuse: functions and classes of your own,
        a ``keras.Model``. The message names it.
    FileExistsError
        If there is a file, and `overwrite` is False.
    ImportError
        If skops is not installed; the extra ``demo`` brings it.

    See Also
    --------
    load : Read it again.

    Notes
    -----
    Networks and weights are not in the file, but what names them: the backbone's name, the path
    of a ``.keras`` or weights file. So the file is small, and these have to be where they were.
    Parameters are kept as they are, ``cache``, ``root`` and ``memory`` included. The versions of
    skembed and scikit-learn are written down.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skembed
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import LinearSVC
    >>> path = Path(tempfile.mkdtemp(), "model.skops")
    >>> skembed.save(make_pipeline(skembed.PretrainedEmbedder(), LinearSVC()), path)
    >>> skembed.load(path)[1]
    LinearSVC()
    """
    path = Path(path)
    if isinstance(estimator, type) or not isinstance(estimator, BaseEstimator):
        kind = estimator.__name__ if isinstance(estimator, type) else type(estimator).__name__
        raise TypeError(f"save takes an estimator or a pipeline of estimators, got {kind}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no folder {path.parent}.")
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; overwrite=True replaces it.")
    data = _dumped(estimator)
    with written_whole(path) as (temporary,):
        temporary.write_bytes(data)


def load(path: str | os.PathLike[str]) -> Any:
    """Read a pipeline that :func:`save` wrote, and run nothing that is in the file.

    Parameters
    ----------
    path : str or path
        The file. One that ``skops.io.dump`` wrote is as good, if it holds the same types.

    Returns
    -------
    estimator
        As it was saved, fitted or not.

    Raises
    ------
    LoadError
        If the file is damaged, is no such file, unpacks to much more than its size, or holds
        types that are neither skembed's nor scikit-learn's. The message names the file and the
        types.
    MemoryError
        If there is not enough for what the file claims to hold.
    OSError
        If the file cannot be read.
    ImportError
        If skops is not installed; the extra ``demo`` brings it.

    Warns
    -----
    UserWarning
        If another version of skembed wrote the file.
    InconsistentVersionWarning
        scikit-learn's, if another version of it did.

    See Also
    --------
    save : Write it.

    Notes
    -----
    No function of the file's choice is called. Its numbers are still its author's: a pipeline from
    a stranger answers as the stranger likes, and reads the networks at the paths that are in it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skembed
    >>> path = Path(tempfile.mkdtemp(), "embedder.skops")
    >>> skembed.save(skembed.PretrainedEmbedder("mobilenet_v2"), path)
    >>> skembed.load(path).backbone
    'mobilenet_v2'
    """
    skops = skops_io()
    path = Path(path)
    data = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_archive(archive, len(data))
            versions = _versions(archive)
        if types := foreign(skops.get_untrusted_types(data=data)):
            raise RefusedError(
                f"it holds {named(types)}; only skembed's and scikit-learn's types are let in"
            )
        estimator = skops.loads(data, trusted=list(TRUSTED))
        check_contents(estimator)
    except RefusedError as error:
        raise LoadError(f"{path} is refused: {error}.") from None
    except MemoryError as error:
        raise MemoryError(
            f"There is not enough memory for what {path} claims to hold."
        ) from error
    except Warning:  # where the user turns warnings into errors
        raise
    except Exception as error:  # damage shows in whatever reads it first
        raise LoadError(
            f"{path} is damaged, or no file of skembed.save: {type(error).__name__}: {error}"
        ) from error
    _warn_of_version(path, versions)
    return estimator


def _dumped(estimator: Any) -> bytes:
    skops = skops_io()
    _check_parameters(estimator)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # skops looks at old names
            data = skops.dumps(estimator)
            types = skops.get_untrusted_types(data=data)
    except MemoryError:
        raise
    except Exception as error:  # whatever an object does when it is taken apart
        raise TypeError(
            f"{type(estimator).__name__} cannot be saved: {type(error).__name__}: {error}"
        ) from error
    if refused := foreign(types):
        raise TypeError(
            f"{type(estimator).__name__} cannot be saved: it holds {named(refused)}. A file "
            "holds skembed's and scikit-learn's own types only, for anything else could be code."
        )
    return _with_versions(data)


def _check_parameters(estimator: Any) -> None:
    """Refuse networks by the name of their parameter, before skops takes them apart."""
    for name, value in walk(estimator):
        if isinstance(value, Backbone):
            raise TypeError(f"{name} is a Backbone, which {_instead_of(value)}.")
        known = recognised_object(value)
        if known is not None and (how := known.as_file()):
            raise TypeError(
                f"{name} is {known.objects}, which such a file cannot hold: {how}, and give the "
                "path instead."
            )


def _instead_of(backbone: Backbone) -> str:
    """Say why a file holds no Backbone, and what to give in its place."""
    if backbone.parameters:  # its name means the same network with other numbers
        return (
            "has parameters of its own: register it under a name of its own, here and where the "
            f"file is loaded (backbones.register(dataclasses.replace(backbone, "
            f"name='my_{backbone.name}'))), and give that name"
        )
    return (
        "names a function to run: give the backbone by its name "
        f"({backbone.name!r}, if it is registered), or by the path of a .keras file"
    )


def _with_versions(data: bytes) -> bytes:
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as archive:
        versions = {"skembed": __version__, "scikit-learn": sklearn.__version__}
        archive.writestr(_VERSIONS, json.dumps(versions))
    return file.getvalue()


def _versions(archive: zipfile.ZipFile) -> dict[str, str]:
    """Which versions wrote the file; empty for a file of ``skops.io.dump``."""
    if _VERSIONS not in archive.namelist():
        return {}
    versions = json.loads(archive.read(_VERSIONS))
    if not isinstance(versions, dict):
        raise RefusedError(f"{_VERSIONS} in it is no table of versions")
    return versions


def _warn_of_version(path: Path, versions: dict[str, str]) -> None:
    wrote = versions.get("skembed", __version__)
    if wrote != __version__:
        warnings.warn(
            f"{path} was written by skembed {wrote}, and this is {__version__}: see whether it "
            "still says the same.",
            UserWarning,
            stacklevel=level_of_caller(),
        )
