"""From images to rows, each image through the network once.

A request says what is computed, and how it is run (``_spec``). ``extract`` and ``stream`` open the
store, threads and progress for it (``_extract``). The runner takes images through all steps
(``_runner``), and a window puts their rows in X's order (``_window``). Programs are built once in a
process (``_programs``) and run in batches of one size (``_batches``); where an engine refuses a
network, the next one runs it (``_fallback``). What became of the images is counted (``_report``),
and ``on_error`` says what happens to those that cannot be read (``_failures``).
"""

from ._batches import images_run
from ._programs import clear_programs
from ._report import Report, Unreadable, record_reports

__all__ = ["Report", "Unreadable", "clear_programs", "images_run", "record_reports"]
