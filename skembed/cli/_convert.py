"""``skembed convert``: a network, or a saved pipeline, as a file of another runtime."""

from __future__ import annotations

import argparse
import zipfile

from .._saving import load
from ..backbones._registry import is_meant_as_a_model
from ..estimators._options import embedder_from_options
from ..exporting import export
from ..exporting._formats import export_formats
from ._console import Output
from ._errors import check_output


def convert(args: argparse.Namespace, out: Output) -> int:
    """Write a backbone's network, or a pipeline of ``skembed classify --save``."""
    kinds = export_formats()
    folders = [one.suffix for one in kinds if one.is_folder]
    suffixes = [one.suffix for one in kinds]
    check_output(args.output, suffixes, force=args.force, folders=folders)
    is_saved = zipfile.is_zipfile(args.model) and not is_meant_as_a_model(args.model)
    model = load(args.model) if is_saved else embedder_from_options(args.model, vars(args))
    export(model, args.output, overwrite=args.force)
    out.line(f"{args.output} gives what skembed gives, on photographs that were compared")
    return 0
