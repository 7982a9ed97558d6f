"""Who runs a network: an engine builds a program, which takes images and returns their rows."""

from ._engine import Batching, Engine, TransientError, UnsupportedNetworkError
from ._program import MapsProgram, OutOfMemoryError, Program
from ._registry import get, names, register, unregister

__all__ = [
    "Batching",
    "Engine",
    "MapsProgram",
    "OutOfMemoryError",
    "Program",
    "TransientError",
    "UnsupportedNetworkError",
    "get",
    "names",
    "register",
    "unregister",
]
