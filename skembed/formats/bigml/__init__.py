"""BigML's deepnets: reading a document, building its layers, its image part as a backbone."""

from ._format import BigMLFormat

__all__ = ["BigMLFormat"]
