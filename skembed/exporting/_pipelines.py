"""A pipeline of embedder and classifier as one ONNX file."""

from __future__ import annotations

import contextlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._errors import is_out_of_memory
from .._optional import skl2onnx
from ._embedders import embedder_graph
from ._formats import ExportFormat, onnx_of
from ._graph import ExportError, ExportGraph
from ._layer_kernels import with_linear_models
from ._onnx import OPSET
from ._steps import register_steps
from ._write import write_compared_by

_ML_OPSET = 3


def write_pipeline(pipeline: Pipeline, path: Path, kind: ExportFormat) -> None:
    """Write a fitted pipeline that begins with an embedder; see :func:`skembed.export`."""
    check_is_fitted(pipeline)
    if not kind.takes_classifiers:
        raise ExportError(
            f"{path.name} cannot be written: a {kind.title} file does not take what follows an "
            "embedder in a pipeline; an ONNX file (.onnx) does, and the embedder alone "
            "(pipeline[0]) can be written."
        )
    library = skl2onnx()
    rest = Pipeline(steps_behind(pipeline))
    graph = embedder_graph(pipeline[0], as_float=True)
    classifier = _converted(library, with_linear_models(rest), graph.expected[0].shape[1])
    written = _joined(onnx_of(graph), classifier, rest)
    metadata = {**graph.metadata, **_metadata(rest)}
    write_compared_by(
        path,
        kind,
        lambda draft: _save(written, metadata, draft),
        lambda draft: _difference(rest, graph, draft),
    )


def steps_behind(pipeline: Pipeline) -> list[tuple[str, Any]]:
    """Return the named steps behind the first that do something."""
    return [(n, step) for n, step in pipeline.steps[1:] if step not in (None, "passthrough")]


def _converted(library: Any, rest: Pipeline, n_features: int) -> Any:
    """What follows the embedder, as an ONNX model with the input ``features``."""
    register_steps()
    types = [("features", library.common.data_types.FloatTensorType([None, n_features]))]
    last = rest.steps[-1][1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # skl2onnx reads attributes that scikit-learn retires
            for options in _options(last):
                with contextlib.suppress(NameError):  # an option that this classifier lacks
                    return library.convert_sklearn(
                        rest,
                        initial_types=types,
                        options=options,
                        target_opset={"": OPSET, "ai.onnx.ml": _ML_OPSET},
                    )
    # skl2onnx has an exception for each kind of step.
    except Exception as error:
        if is_out_of_memory(error):
            raise
        gist = " ".join(str(error).split()).split(". ")[0][:300]
        raise ExportError(
            f"skl2onnx cannot write what follows the embedder: {gist}. The embedder alone "
            "(pipeline[0]) can be written."
        ) from error
    raise ExportError(f"skl2onnx gives no scores of {type(last).__name__}.")


def _options(last: Any) -> list[dict[int, dict[str, bool]] | None]:
    """Of skl2onnx: arrays instead of dicts, and decisions where there are no probabilities."""
    if not is_classifier(last):
        return [None]
    arrays, decisions = {"zipmap": False}, {"raw_scores": True}
    if hasattr(last, "predict_proba"):
        return [{id(last): arrays}, None]
    return [{id(last): arrays | decisions}, {id(last): decisions}]


def _joined(network: Any, rest: Any, pipeline: Pipeline) -> Any:
    from onnx import compose, version_converter

    if any(one.domain == "" and one.version != OPSET for one in rest.opset_import):
        rest = version_converter.convert_version(rest, OPSET)
    network = compose.add_prefix(network, "network_", rename_inputs=False, rename_outputs=False)
    rest.ir_version = network.ir_version
    whole = compose.merge_models(network, rest, io_map=[("embedding", "features")])
    names = _output_names(pipeline)
    for output, name in zip(list(whole.graph.output), names, strict=True):
        _rename(whole.graph, output.name, name)
        output.name = name
        # What skl2onnx says of two classes' scores is not what they are.
        shape = output.type.tensor_type.shape
        del shape.dim[:]
        for axis in ("batch",) if name == "label" else ("batch", name):
            shape.dim.add().dim_param = axis
    return whole


def _rename(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new


def _output_names(pipeline: Pipeline) -> list[str]:
    if not is_classifier(pipeline):
        return ["prediction"]
    return ["label", "probabilities" if hasattr(pipeline, "predict_proba") else "scores"]


def _metadata(pipeline: Pipeline) -> dict[str, str]:
    last = pipeline.steps[-1][1]
    facts = {"predictor": type(last).__name__}
    if is_classifier(last):
        facts["classes"] = json.dumps(np.asarray(last.classes_).tolist())
    return facts


def _save(model: Any, metadata: dict[str, str], path: Path) -> None:
    import onnx

    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _difference(rest: Pipeline, graph: ExportGraph, path: Path) -> list[str]:
    """What a file says otherwise than the pipeline, for the examples."""
    from ._formats import run_onnx

    found, rows = run_onnx(path, graph), graph.expected[0]
    answers = np.asarray(rest.predict(rows))
    if not is_classifier(rest):
        return _apart("prediction", answers.reshape(len(rows), -1), found)
    _, name = _output_names(rest)
    scores = getattr(rest, "predict_proba", None) or rest.decision_function
    expected = np.asarray(scores(rows), np.float64).reshape(len(rows), -1)
    wrong = _apart(name, expected, found)
    if not wrong and (found["label"] != answers).any():
        wrong = [f"'label' is {found['label'].tolist()}, and not {answers.tolist()}"]
    return wrong


def _apart(name: str, expected: np.ndarray, found: dict[str, np.ndarray]) -> list[str]:
    """With two classes a decision is one number, and the file has one for each class."""
    got = found[name].reshape(len(expected), -1)[:, -expected.shape[1] :]
    graph = ExportGraph(None, (name,), (), (expected,))
    return list(graph.differences({name: got}))
