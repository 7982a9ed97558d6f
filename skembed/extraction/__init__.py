"""From images to rows, each image through the network once."""

from ._batches import images_run
from ._programs import clear_programs

__all__ = ["clear_programs", "images_run"]
