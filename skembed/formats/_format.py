"""The interface of formats: kinds of files and objects that a network may come as."""

from __future__ import annotations

import abc
import dataclasses
import importlib.util
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ._layer_access import LayerAccess

if TYPE_CHECKING:
    from ..backbones import Backbone, WeightsFile
    from ._network import Layer, NetworkSpec


class Format(abc.ABC):
    """A kind of thing that a network may come as: files, objects in memory, or both.

    It recognises them, describes each as a :class:`~skembed.backbones.Backbone`, lists its layers,
    and hands an engine what the engine can build. :func:`register` adds one. A format of files that
    hold a network of Keras inherits from ``skembed.formats.keras.KerasFormat``, and gives `name`,
    `suffixes` and ``read(path)``, which returns the ``keras.Model``.

    Attributes
    ----------
    name : str
        What `Backbone.format` says.
    suffixes : tuple of str
        The endings of the files that it takes, in lower case: ``(".keras",)``.
    objects : str
        What it takes besides files, as a message says it: ``"a keras.Model"``; empty for nothing.
    network_type : type
        Of what :meth:`network` returns. An engine says by it whether it runs the format.

    Examples
    --------
    >>> from skembed import backbones, formats
    >>> keras = formats.format_of(backbones.get("resnet50"))
    >>> keras.name, ".h5" in keras.suffixes
    ('keras', True)
    """

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = ()
    objects: ClassVar[str] = ""
    network_type: ClassVar[type]

    def recognises(self, value: object) -> bool:
        """Return whether a path or an object is meant as a network of this format.

        It is asked of every backbone that is no registered name, and of words as they are typed:
        no library is loaded for it, and a file need not exist.

        Parameters
        ----------
        value : object
            What an estimator was given as `backbone`.

        Returns
        -------
        bool
            By default, whether it is a path that ends in one of `suffixes`.
        """
        if not isinstance(value, str | os.PathLike):
            return False
        return str(value).lower().endswith(self.suffixes)

    def conversion(self, path: Path) -> str:
        """Say of a file or folder of another kind how to make one of it that this format takes.

        Parameters
        ----------
        path : Path
            It need not exist.

        Returns
        -------
        str
            The rest of a sentence that begins with the path; empty where the format knows no way.
        """
        del path
        return ""

    @abc.abstractmethod
    def describe(self, value: Any, name: str | None = None) -> Backbone:
        """Return what is known of a network.

        Parameters
        ----------
        value : str, path or object
            What :meth:`recognises` said yes to.
        name : str, optional
            How to call it; by default the file's or the object's own name.

        Returns
        -------
        Backbone
            With the name of this format, and with a digest that changes with its numbers: rows
            are kept under it.

        Raises
        ------
        WeightsError
            If the file is missing, damaged, or of another kind.
        ValueError
            If the network takes no images.
        """

    def current(self, backbone: Backbone) -> Backbone:
        """Return a backbone as it is now, where its numbers depend on what may have changed.

        Parameters
        ----------
        backbone : Backbone
            As it was described, or registered.

        Returns
        -------
        Backbone
            By default, the same.
        """
        return backbone

    def with_parameters(self, backbone: Backbone, parameters: Mapping[str, Any]) -> Backbone:
        """Return a backbone built otherwise.

        Parameters
        ----------
        backbone : Backbone
            A network of this format.
        parameters : mapping of str to object
            What is to be otherwise; at least one.

        Returns
        -------
        Backbone
            With them in its `parameters`, so that its rows have keys of their own.

        Raises
        ------
        ValueError
            By default, because the network is what it is.
        """
        raise ValueError(
            f"{backbone.name!r} has no parameters to choose, got {', '.join(parameters)}."
        )

    def sized(self, backbone: Backbone, size: tuple[int, int]) -> Backbone:
        """Return a backbone for images of another size.

        Parameters
        ----------
        backbone : Backbone
            A network of this format.
        size : tuple of two ints
            Height and width, which :meth:`takes_size` said yes to.

        Returns
        -------
        Backbone
            By default, the same facts with that `input_size`.
        """
        return dataclasses.replace(backbone, input_size=size)

    def check(self, backbone: Backbone) -> None:  # noqa: B027 - most have nothing to refuse
        """Refuse a network that was given as it is, where it lacks something to be run.

        Parameters
        ----------
        backbone : Backbone
            As it was described, with the preparation that was given, if one was.

        Raises
        ------
        ValueError
            The message says what is missing, and how to give it.
        """

    @abc.abstractmethod
    def layers(self, backbone: Backbone, top: bool) -> tuple[Layer, ...]:
        """Return the layers of a network, in its order; the answer is kept.

        Parameters
        ----------
        backbone : Backbone
            With the input size that is meant.
        top : bool
            Whether the classifier is part of it.

        Returns
        -------
        tuple of Layer
            Those that `layers` may name.

        Raises
        ------
        ValueError
            If the network cannot be built at this size, or its layers cannot be told.
        """

    def output_names(self, backbone: Backbone) -> tuple[str, ...]:
        """Return the names of the network's outputs, where it has several.

        Parameters
        ----------
        backbone : Backbone
            A network of this format.

        Returns
        -------
        tuple of str
            By default none: its only output is its embedding.
        """
        del backbone
        return ()

    def facts(self, backbone: Backbone) -> dict[str, Any]:
        """Return what this format alone knows, for :func:`skembed.backbones.describe`.

        Parameters
        ----------
        backbone : Backbone
            A network of this format.

        Returns
        -------
        dict of str to object
            By default, nothing.
        """
        del backbone
        return {}

    @abc.abstractmethod
    def network(self, spec: NetworkSpec) -> Any:
        """Return the network of a request, as an engine builds it.

        Parameters
        ----------
        spec : NetworkSpec
            Which network, tapped where.

        Returns
        -------
        object
            Of the class `network_type`.

        Raises
        ------
        WeightsError
            If the weights cannot be had, or do not fit.
        """

    def layer_access(self, backbone: Backbone) -> LayerAccess:
        """Return what there is for the layers of a network, one by one.

        Parameters
        ----------
        backbone : Backbone
            A network of this format.

        Returns
        -------
        LayerAccess
            By default that of a format which computes its networks whole.
        """
        return LayerAccess(backbone)

    def takes_size(self, backbone: Backbone, size: tuple[int, int]) -> bool:
        """Return whether the network takes images of a size.

        Parameters
        ----------
        backbone : Backbone
            A network of this format.
        size : tuple of two ints
            Height and width, at least the backbone's `min_size`.

        Returns
        -------
        bool
            By default, only the size that it was made for, where that is not left open.
        """
        sides = zip(backbone.input_size, size, strict=True)
        return all(built in (0, asked) for built, asked in sides)

    def is_here(self, file: WeightsFile) -> bool:
        """Return whether a file of published weights is on this machine, without reading it.

        Parameters
        ----------
        file : WeightsFile
            One of a backbone's.

        Returns
        -------
        bool
            By default, whether its package is installed, or the file exists.
        """
        if file.package:
            return importlib.util.find_spec(file.package.replace("-", "_")) is not None
        return Path(file.file).is_file()

    def reduced(self, value: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return what makes an object of this format again; estimators are pickled with it.

        Parameters
        ----------
        value : object
            A network in memory.

        Returns
        -------
        tuple of a function and its arguments
            By default, the object is pickled as it is by itself.
        """
        return _itself, (value,)

    def as_file(self) -> str:
        """Say how an object of this format becomes a file, if a saved pipeline cannot hold it.

        Returns
        -------
        str
            The beginning of a sentence. By default empty: :func:`skembed.save` judges the object
            by its type, as it does any other value.
        """
        return ""

    def share_with_clones(self) -> None:  # noqa: B027 - most have nothing to do
        """Let scikit-learn's ``clone`` take objects of this format as they are.

        Parameters that a search tries are cloned by themselves, so the class of the objects must
        say so (``__sklearn_clone__``), and not the estimator that holds one.
        """


class Pickled:
    """Stands for an object while an estimator is pickled, and comes back as the object.

    Parameters
    ----------
    value : object
        A network in memory.
    format : Format
        Its format.
    """

    def __init__(self, value: Any, format: Format):  # noqa: A002
        self.value, self._format = value, format

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._format.reduced(self.value)


def _itself(value: Any) -> Any:
    return value
