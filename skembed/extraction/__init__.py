"""From images to rows, each image through the network once."""

from ._batches import images_run
from ._programs import clear_programs
from ._report import Report, Unreadable, record_reports

__all__ = ["Report", "Unreadable", "clear_programs", "images_run", "record_reports"]
