"""The limits an image is read under, taken once and carried into other threads."""

from __future__ import annotations

from dataclasses import dataclass

from .._config import get_config
from .._errors import ImageError, advice


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How large an image may be and how long a server may take.

    Settings belong to a thread; whoever reads images in other threads takes the limits in
    the caller's thread with :meth:`from_config` and hands them on.

    Parameters
    ----------
    max_image_pixels : int
        Images of more pixels are refused.
    max_image_bytes : int, bytes
        Encoded images of more bytes are refused.
    url_timeout : float, seconds
        How long a server may stay silent. A whole download may take 15 times as long.
    allow_private_urls : bool, default=False
        Whether URLs may lead to this machine and to private networks.

    Examples
    --------
    >>> from skembed.images import Limits
    >>> Limits.from_config().url_timeout
    4.0
    """

    max_image_pixels: int
    max_image_bytes: int
    url_timeout: float
    allow_private_urls: bool = False

    @classmethod
    def from_config(cls) -> Limits:
        """Take the limits from this thread's settings.

        Returns
        -------
        Limits
            What :func:`skembed.get_config` says now.
        """
        config = get_config()
        return cls(
            max_image_pixels=config["max_image_pixels"],
            max_image_bytes=config["max_image_bytes"],
            url_timeout=config["url_timeout"],
            allow_private_urls=config["allow_private_urls"],
        )

    def too_many_bytes(self, name: str) -> ImageError:
        """Word the refusal of a file or response that is too large.

        Parameters
        ----------
        name : str
            The image.

        Returns
        -------
        ImageError
            To be raised.
        """
        return ImageError(
            f"{name} has more than max_image_bytes={self.max_image_bytes:,} bytes."
            f"{advice('skembed.set_config changes that limit.')}"
        )
