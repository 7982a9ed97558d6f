"""Pipelines in files that hold data and no code."""

from ._pipelines import load, save

__all__ = ["load", "save"]
