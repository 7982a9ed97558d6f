"""Where many images come from: folders, globs, lists, archives, and URLs of these."""

from ._scan import Scan, scan

__all__ = ["Scan", "scan"]
