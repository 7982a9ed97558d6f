"""The magic ``%embed``: images to features, and to an accuracy, in one line of a notebook.

``_names`` cuts a line into words and looks up what they stand for, ``_options`` reads its options,
and ``_request`` puts them together with the settings. ``_images`` finds the images, ``_embedding``
embeds them, ``_svm`` cross-validates on them, and ``_verbs`` does the rest. IPython calls
``_magics``. ``_errors`` tells what a user can mend from an error whose traceback matters.
"""

from ._magics import load, unload

__all__ = ["load", "unload"]
