"""Pipelines in files that hold data and no code: skops' format, and what is let in of it."""

from ._load import load
from ._save import save

__all__ = ["load", "save"]
