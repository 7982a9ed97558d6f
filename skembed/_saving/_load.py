"""Read a pipeline from a file, or say why not."""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

from .._errors import LoadError, level_of_caller
from .._version import __version__
from ._archive import RefusedError, check_archive
from ._contents import check_contents
from ._save import VERSIONS
from ._skops import skops_io
from ._trusted import TRUSTED, foreign, named


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
    except Warning:  # where the user turns warnings into errors
        raise
    except Exception as error:  # damage shows in whatever reads it first
        raise LoadError(
            f"{path} is damaged, or no file of skembed.save: {type(error).__name__}: {error}"
        ) from error
    _warn_of_version(path, versions)
    return estimator


def _versions(archive: zipfile.ZipFile) -> dict[str, str]:
    """Which versions wrote the file; empty for a file of ``skops.io.dump``."""
    if VERSIONS not in archive.namelist():
        return {}
    versions = json.loads(archive.read(VERSIONS))
    if not isinstance(versions, dict):
        raise RefusedError(f"{VERSIONS} in it is no table of versions")
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
