"""The names behind a classifier's outputs, in the order of the published weights."""

from __future__ import annotations

from functools import cache
from importlib import resources

from .._errors import did_you_mean

_FILES = {"imagenet-1k": "imagenet1k.tsv"}


def class_names(classes: str = "imagenet-1k") -> tuple[str, ...]:
    """Return the names of the classes, in the order of the weights' outputs.

    Parameters
    ----------
    classes : {"imagenet-1k"}, default="imagenet-1k"
        Which list, as in :attr:`Backbone.classes`.

    Returns
    -------
    tuple of str
        Unique names in English: the first lemma of each WordNet 3.0 synset. Where two share
        it, a word in brackets or the second lemma tells them apart.

    Raises
    ------
    ValueError
        If there is no list of that name.

    See Also
    --------
    class_ids : What the folders of ImageNet are called.
    table : The backbones, and which have a classifier.

    Examples
    --------
    >>> from skembed import backbones
    >>> backbones.class_names()[985]
    'daisy'
    >>> len(backbones.class_names("imagenet-1k"))
    1000
    """
    return tuple(name for _, name in _rows(classes))


def class_ids(classes: str = "imagenet-1k") -> tuple[str, ...]:
    """Return the WordNet 3.0 synset of each class, in the order of the weights' outputs.

    ImageNet's folders are called by these.

    Parameters
    ----------
    classes : {"imagenet-1k"}, default="imagenet-1k"
        Which list, as in :attr:`Backbone.classes`.

    Returns
    -------
    tuple of str
        Unique, ``"n"`` and eight digits each.

    Raises
    ------
    ValueError
        If there is no list of that name.

    See Also
    --------
    class_names : The same classes in English.

    Examples
    --------
    >>> from skembed import backbones
    >>> backbones.class_ids()[985], backbones.class_names()[985]
    ('n11939491', 'daisy')
    """
    return tuple(synset for synset, _ in _rows(classes))


@cache
def _rows(classes: str) -> tuple[tuple[str, str], ...]:
    if classes not in _FILES:
        raise ValueError(
            f"There is no list of classes named {classes!r}. {did_you_mean(classes, _FILES)}"
        )
    file = resources.files("skembed.backbones") / "data" / _FILES[classes]
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return tuple((synset, name) for synset, name in rows)
