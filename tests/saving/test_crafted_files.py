"""Files that are damaged, or crafted to do harm: what `load` refuses, and how it says so."""

from __future__ import annotations

import io
import itertools
import json
import os
import time
import zipfile

import numpy as np
import pytest
import skops.io
from saved_files import mutations, rewritten, table, with_schema
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

from skembed import LoadError, load, save

pytestmark = pytest.mark.usefixtures("jax_alone")


def _named(module: str, name: str, loader: str | None = None):
    def change(schema):
        schema["__module__"], schema["__class__"] = module, name
        if loader:
            schema["__loader__"] = loader
        return schema

    return change


@pytest.mark.parametrize(
    ("module", "name", "loader"),
    [
        ("os", "system", "FunctionNode"),
        ("builtins", "eval", "TypeNode"),
        ("subprocess", "Popen", "ObjectNode"),
        ("functools", "partial", "ObjectNode"),
        ("sklearn.utils._testing", "_delete_folder", "FunctionNode"),
        ("sklearn.datasets._base", "load_files", "FunctionNode"),
        ("skembed.backbones._backbone", "Backbone", "ObjectNode"),
        ("skembed._jax", "import_jax", "FunctionNode"),
    ],
)
def test_other_types_and_functions_are_refused_by_name(module, name, loader, fitted, path):
    path.write_bytes(with_schema(fitted, _named(module, name, loader)))
    with pytest.raises(LoadError, match=rf"model\.skops is refused: it holds .*{name}"):
        load(path)


def test_a_function_in_a_parameter_is_not_called(path, tmp_path):
    skops.io.dump(make_pipeline(FunctionTransformer(os.mkdir)), path)
    with pytest.raises(LoadError, match="mkdir"):
        load(path)


def test_compressed_files_are_refused(path):
    skops.io.dump(LinearSVC(), path, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(LoadError, match="it is compressed"):
        load(path)


@pytest.mark.slow
def test_bombs_are_bounded(fitted, path):
    sparse = make_pipeline(OneHotEncoder(), KNeighborsClassifier(1))
    save(sparse.fit(np.arange(50)[:, None], np.arange(50) % 2), path)
    zeros = io.BytesIO()
    with zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED) as inner:
        inner.writestr("data.npy", bytes(400 * 2**20))
    with zipfile.ZipFile(path) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".npz")]
    path.write_bytes(rewritten(path.read_bytes(), **{name.replace(".", "_"): zeros.getvalue()}))
    with pytest.raises(LoadError, match="its arrays take 419,4"):
        load(path)


def test_one_array_does_not_become_thousands(path):
    X, _ = table()
    save(StandardScaler().fit(np.tile(X, 5000)), path)

    def repeat(schema):
        node = schema["content"]["content"]["mean_"]
        inner = [{**node, "__id__": 10**6 + i} for i in range(2000)]
        schema["content"]["content"]["mean_"] = {
            **node, "__loader__": "ListNode", "__class__": "list", "__module__": "builtins",
            "content": inner,
        }  # fmt: skip
        return schema

    path.write_bytes(with_schema(path.read_bytes(), repeat))
    with pytest.raises(LoadError, match="its arrays take"):
        load(path)


def test_nodes_do_not_refer_to_each_other_in_towers(fitted, path):
    def tower(schema):
        def node(i, content):
            return {
                "__class__": "list", "__module__": "builtins", "__loader__": "ListNode",
                "__id__": i, "content": content,
            }  # fmt: skip

        inner = node(1, [])
        for i in range(2, 60):
            inner = node(i, [inner, node(i - 1, [])])
        schema["content"]["content"]["tower"] = inner
        return schema

    path.write_bytes(with_schema(fitted, tower))
    started = time.monotonic()
    with pytest.raises(LoadError, match="two different nodes"):
        load(path)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("by_id", [False, True])
def test_generators_are_of_numpy_s_own_size(by_id, path):
    boosting = HistGradientBoostingClassifier(max_iter=1).fit(*table())
    large = {**_json("1000000"), "__id__": 1}

    def change(schema):
        rng = schema["content"]["content"]["_feature_subsample_rng"]
        sizes = rng["content"]["seed_seq"]["content"]
        sizes["pool_size"] = {**_json("4"), "__id__": 1} if by_id else large
        content = schema["content"]["content"]
        content["tol"] = large
        return schema

    save(boosting, path)
    path.write_bytes(with_schema(path.read_bytes(), change))
    with pytest.raises(LoadError, match="have the id 1" if by_id else "a pool of 1000000"):
        load(path)


def _json(content):
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"} | {
        "content": content,
        "is_json": True,
    }


def test_trees_that_leave_themselves_are_refused(path):
    X, y = table()
    forest = RandomForestClassifier(1, random_state=0).fit(X, y)
    save(forest, path)
    good = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        arrays = {
            n: np.load(io.BytesIO(archive.read(n))) for n in archive.namelist() if ".npy" in n
        }
    (name,) = [n for n, array in arrays.items() if array.dtype.names]
    for field, value in (("left_child", 10**6), ("right_child", 0), ("feature", 10**6)):
        nodes = arrays[name].copy()
        nodes[field][0] = value
        file = io.BytesIO()
        np.save(file, nodes)
        path.write_bytes(rewritten(good, **{name.replace(".", "_"): file.getvalue()}))
        with pytest.raises(LoadError, match=r"its tree estimators_\[0\]\.tree_ is damaged"):
            load(path)


def _shorter(attribute, change):
    """An estimator, and a change of what is in one of its attributes."""

    def falsify(estimator):
        setattr(estimator, attribute, change(getattr(estimator, attribute)))

    return falsify


def _far_features(boosting):
    for (predictor,) in boosting._predictors:
        predictor.nodes["feature_idx"] = 2**30


def _far_columns(classifier):
    classifier.coef_.indices[:] = 2**30


@pytest.mark.parametrize(
    ("make", "falsify"),
    [
        (lambda X, y: HistGradientBoostingClassifier(max_iter=2).fit(X, y), _far_features),
        (lambda X, y: LogisticRegression().fit(X, y).sparsify(), _far_columns),
        (
            lambda X, y: CalibratedClassifierCV(
                FrozenEstimator(LogisticRegression().fit(X, y).sparsify())
            ).fit(X, y),
            lambda calibrated: _far_columns(
                calibrated.calibrated_classifiers_[0].estimator.estimator
            ),
        ),
        (
            lambda X, y: GradientBoostingClassifier(n_estimators=2).fit(X, y),
            _shorter("estimators_", lambda trees: np.repeat(trees, 9, axis=1)),
        ),
        (lambda X, y: SVC().fit(X, y), _shorter("_dual_coef_", lambda c: c[:, :1].copy())),
        (lambda X, y: SVC().fit(X, y), _shorter("support_vectors_", lambda v: v[:, :1].copy())),
        (
            lambda X, y: SVC(kernel="precomputed").fit(X @ X.T, y),
            _shorter("support_", lambda rows: rows + 10**6),
        ),
        (
            lambda X, y: KNeighborsClassifier(algorithm="brute").fit(X, y),
            _shorter("_y", lambda labels: labels + 10**6),
        ),
        (
            lambda X, _: KMeans(2).fit(X),
            _shorter("cluster_centers_", lambda c: c[:, :1].copy()),
        ),
    ],
)
def test_arrays_that_lead_out_of_others_are_refused(make, falsify, path):
    sound = make(*table())
    save(sound, path)
    load(path)
    falsify(sound)
    path.write_bytes(skops.io.dumps(sound))
    with pytest.raises(LoadError, match=r"damaged|do not fit together"):
        load(path)


def test_estimators_without_all_parameters_are_refused(fitted, path):
    def drop(schema):
        text = json.dumps(schema).replace('"on_error"', '"no_error"')
        return json.loads(text)

    path.write_bytes(with_schema(fitted, drop))
    with pytest.raises(LoadError, match="lacks the parameters on_error"):
        load(path)


# --- files that are damaged ----------------------------------------------------------------


def _array_header(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".npy"))
    bracket = lambda old: old[:10] + old[10:].replace(b"}", b"{", 1)  # noqa: E731
    return rewritten(data, **{name.replace(".", "_"): bracket})


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"not a zip file",
        lambda data: data[: len(data) // 2],
        lambda data: rewritten(data, schema_json=b"{}"),
        lambda data: rewritten(data, schema_json=b"[" * 100_000 + b"]" * 100_000),
        lambda data: rewritten(data, schema_json=b"\xff\xfe"),
        lambda data: rewritten(data, skembed_json=b"[]"),
        _array_header,
    ],
)
def test_damaged_files_are_one_error_that_names_them(damage, fitted, path):
    path.write_bytes(damage(fitted))
    with pytest.raises(LoadError, match=r"model\.skops is (damaged|refused)"):
        load(path)


@pytest.mark.filterwarnings("ignore")
def test_random_damage_is_told_or_harmless(fitted, path):
    """`benchmarks/damaged_models.py` tries as many as one likes."""
    told = []
    for _, data in itertools.islice(mutations(fitted, seed=0), 100):
        path.write_bytes(data)
        try:
            assert isinstance(load(path), BaseEstimator)
        except LoadError as error:
            told.append(str(error))
    assert all(str(path) in message for message in told)
    assert len(told) > 40
