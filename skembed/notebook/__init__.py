"""The magic ``%embed``: images to features, and to an accuracy, in one line of a notebook.

``_line`` cuts a line into words, ``_arguments`` reads the options, ``_names`` looks names up,
``_images`` finds the images, ``_embedding`` embeds them, ``_svm`` judges them, and ``_verbs`` does
the rest. ``_magics`` puts these together. ``_errors`` and ``_user_code`` tell what a user can mend
from a traceback that matters, and ``_silence`` whether a last ``;`` hides a value.
"""

from ._extension import load, unload

__all__ = ["load", "unload"]
