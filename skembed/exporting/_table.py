"""The table of what can be exported: formats of networks, and kinds of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..backbones._formats import registered
from ._embedders import is_rebuilt
from ._formats import export_formats

if TYPE_CHECKING:
    import pandas as pd


def table() -> pd.DataFrame:
    """Return which kinds of embedders can be written to which kinds of files.

    Returns
    -------
    pandas.DataFrame
        A row for each format of networks, named as :func:`skembed.formats.names` has it; for the
        networks of Keras that run code of the user's own; and for pipelines that end in a
        classifier or regressor. Then what runs a file of this kind where it is compared, and the
        extra that brings what is needed. A column for each suffix. "yes" means that it is tried:
        a network may still have an operation without a form there, and is then refused by name.

    See Also
    --------
    skembed.export : Which writes them.

    Examples
    --------
    >>> from skembed import exporting
    >>> exporting.table()[[".onnx", ".tflite"]]
                                     .onnx            .tflite
    keras                              yes                yes
    tflite                              no                 no
    bigml                              yes                yes
    hmax                                no                 no
    custom code                        yes                 no
    pipeline of a classifier           yes                 no
    runtime                   ONNX Runtime             LiteRT
    extra                           export  export-tensorflow
    """
    import pandas as pd

    columns = {}
    for kind in export_formats():
        answers = {one.name: _word(is_rebuilt(one)) for one in registered()}
        answers["custom code"] = _word(kind.takes_custom_code)
        answers["pipeline of a classifier"] = _word(kind.takes_classifiers)
        columns[kind.suffix] = answers | {"runtime": kind.runtime, "extra": kind.needs}
    return pd.DataFrame(columns)


def _word(answer: Any) -> str:
    return "yes" if answer else "no"
