"""Files and folders of object stores, named by URLs that fsspec reads."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .._errors import ImageError, MissingLibraryError, advice, did_you_mean
from .._optional import fsspec, require_client
from .._text import shortened, shown_url

# What each protocol is read with. In all of them the service is known, and the URL names no host
# to connect to: it could be one of a private network, which nothing here could refuse.
_LIBRARIES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "hf": "huggingface_hub",
    "memory": "fsspec",
}
_ALLOWED = ("file", "http", "https", *_LIBRARIES)
_OF_HOSTS = "its URLs name a host, and so may lead into a private network"
_OF_FILES = "files of this machine are named by a path or a file:// URL"
_OF_URLS = "it reads what another URL or path names, which may be a file of this machine"
_REFUSED = {
    **dict.fromkeys(("ftp", "sftp", "ssh", "smb", "webdav", "webhdfs", "hdfs"), _OF_HOSTS),
    **dict.fromkeys(("arrow_hdfs", "jupyter", "jlab"), _OF_HOSTS),
    **dict.fromkeys(("local", "asynclocal", "root", "git"), _OF_FILES),
    **dict.fromkeys(("zip", "tar", "libarchive", "dir", "reference", "dask"), _OF_URLS),
    **dict.fromkeys(("simplecache", "filecache", "blockcache", "cached", "generic"), _OF_URLS),
}
_PIECE = 2**20
_LONGEST_REASON = 200
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)


class RemotePath:
    """A file, a folder or a glob of an object store.

    The credentials are those that the store's own library finds, as in the environment.

    Parameters
    ----------
    url : str
        Of one of the protocols of `_LIBRARIES`.

    Raises
    ------
    ImageError
        If the protocol is not allowed, several are chained, or the URL has a password.
    MissingLibraryError
        If fsspec, or what it reads the protocol with, is not installed.

    Examples
    --------
    >>> import fsspec
    >>> fsspec.filesystem("memory").pipe_file("/photos/cat.jpg", b"...")
    >>> RemotePath("memory://photos").files()
    ['memory://photos/cat.jpg']
    >>> RemotePath("memory://photos/cat.jpg").read(2)
    b'..'
    """

    def __init__(self, url: str):
        self.name = shown_url(url)
        protocol = _protocol(url, self.name)
        self._authority = url.partition("://")[2].partition("/")[0]
        self._protocol = protocol
        if ":" in self._authority.rpartition("@")[0]:
            raise ImageError(
                f"{self.name} has a password in it: let {_LIBRARIES[protocol]} find the "
                "credentials, as in the environment."
            )
        require_client(protocol, _LIBRARIES[protocol])
        with self._errors():
            url = protocol + url[len(protocol) :]  # fsspec knows lower case only
            self._files, self._path = fsspec().core.url_to_fs(url)

    def kind(self) -> str:
        """Return ``"file"``, ``"directory"``, or, of what is not there, an empty string."""
        with self._errors():
            self._files.invalidate_cache()  # or what has been listed once is never seen to change
            try:
                return self._files.info(self._path)["type"]
            except FileNotFoundError:
                return ""

    def read(self, n: int) -> bytes:
        """Read the first `n` bytes."""
        with self._errors():
            try:
                return self._files.cat_file(self._path, start=0, end=n)
            except OSError:
                found = self._files.info(self._path)
                if found["type"] == "directory":
                    raise ImageError(
                        f"{self.name} is a folder, not an image."
                        f"{advice('images.scan names the images in it.')}"
                    ) from None
                if found["size"] == 0:  # S3 has no range of an empty file
                    return b""
                raise

    def copy_to(self, path: Path, most: int) -> None:
        """Write the file to a path of this machine; refuse one of more than `most` bytes."""
        left = most
        with (
            self._errors(),
            self._files.open(self._path, "rb") as file,
            path.open("wb") as copy,
        ):
            while piece := file.read(min(_PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    raise ImageError(f"{self.name} has more than max_bytes={most:,} bytes.")
                copy.write(piece)

    def files(self) -> list[str]:
        """List the URLs of a folder's files and of those below it, sorted; none that is hidden."""
        with self._errors():
            found = self._files.find(self._path)
        return [self._url_of(path) for path in sorted(found) if not self._is_hidden(path)]

    def matches(self) -> list[str]:
        """List the URLs of the files that a glob matches, sorted."""
        with self._errors():
            found = self._files.glob(self._path, detail=True)
        return [self._url_of(path) for path in sorted(found) if found[path]["type"] == "file"]

    def _is_hidden(self, path: str) -> bool:
        return any(part.startswith(".") for part in PurePosixPath(self._below(path)).parts)

    def _below(self, path: str) -> str:
        return path.removeprefix(self._path).lstrip("/")

    def _url_of(self, path: str) -> str:
        """The URL of a path of this store; an account that its URL names stands in this one too."""
        bucket, _, rest = path.lstrip("/").partition("/")
        if not self._authority:
            return f"{self._protocol}:///{path.lstrip('/')}"
        authority = self._authority if "@" in self._authority else bucket
        return f"{self._protocol}://{authority}/{rest}"

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Raise what a store's library raises as an ImageError, without its secrets."""
        try:
            yield
        except (ImageError, MissingLibraryError, MemoryError):
            raise
        except FileNotFoundError:
            raise ImageError(f"{self.name}: no such file.") from None
        except Exception as error:  # noqa: BLE001 - each library has exceptions of its own
            raise ImageError(f"{self.name} cannot be read: {_reason(error)}.") from None


def _protocol(url: str, name: str) -> str:
    protocol = url.partition("://")[0].lower()
    if "::" in url:
        raise ImageError(
            f"{name} chains protocols, which may read and write files of this machine: open it "
            "with fsspec, and pass the open file."
        )
    if protocol in _LIBRARIES:
        return protocol
    allowed = ", ".join(f"{one}://" for one in _ALLOWED[:-1])
    why = _REFUSED.get(protocol, "it is not known here")
    near = did_you_mean(protocol, _LIBRARIES)
    meant = f" {near}" if protocol not in _REFUSED and near.startswith("Did") else ""
    raise ImageError(
        f"{name}: the protocol {protocol!r} is refused: {why}.{meant} URLs may begin with "
        f"{allowed} or {_ALLOWED[-1]}://. Open it yourself, and pass the open file."
    )


def _reason(error: Exception) -> str:
    """What an error says, its URLs without passwords and values."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    said = _URL.sub(lambda found: shown_url(found[0]), said)
    return shortened(said.rstrip("."), _LONGEST_REASON)
