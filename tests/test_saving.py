"""`save` and `load`: what comes back, what is refused, and files that are damaged or crafted."""

from __future__ import annotations

import functools
import importlib
import inspect
import io
import itertools
import json
import operator
import os
import pickle
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from joblib import Memory
from saved_files import mutations, rewritten, with_schema
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

import skembed
from skembed import (
    Discretizer,
    FullNetworkEmbedder,
    LoadError,
    PretrainedEmbedder,
    RowSpaceProjector,
    TenCropClassifier,
    TernaryScaler,
    backbones,
    load,
    save,
)

pytestmark = pytest.mark.usefixtures("jax_alone")
OPTIONS = {"image_size": 32, "layers": "stage1"}
_ESTIMATORS = [
    kind
    for name in skembed.__all__
    if hasattr(kind := getattr(skembed, name), "set_params")
    and not hasattr(kind, "save")  # an ImageSearch saves itself
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.skops"


@pytest.fixture(scope="module")
def fitted(paths, labels, tmp_path_factory) -> bytes:
    """A fitted pipeline, as bytes."""
    file = tmp_path_factory.mktemp("fitted") / "model.skops"
    save(make_pipeline(PretrainedEmbedder(**OPTIONS), LinearSVC()).fit(paths, labels), file)
    return file.read_bytes()


def _table():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 20)), np.arange(40) % 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "embedder",
    [
        PretrainedEmbedder(**OPTIONS, on_error="mean", normalize="l2"),
        make_pipeline(FullNetworkEmbedder(**OPTIONS), RowSpaceProjector()),
        make_pipeline(PretrainedEmbedder(**OPTIONS), StandardScaler(), Discretizer()),
        make_pipeline(PretrainedEmbedder(**OPTIONS), TernaryScaler(), PCA(2)),
        make_union(PretrainedEmbedder(**OPTIONS), FullNetworkEmbedder(**OPTIONS)),
    ],
)
def test_pipelines_of_ours_come_back(embedder, paths, labels, path):
    model = make_pipeline(embedder, LinearSVC(random_state=0)).fit(paths, labels)
    save(model, path)
    back = load(path)
    np.testing.assert_array_equal(back.decision_function(paths), model.decision_function(paths))
    assert repr(back) == repr(model)


def test_ten_crops_come_back(paths, labels, path):
    model = TenCropClassifier(PretrainedEmbedder(**OPTIONS), LinearSVC(random_state=0))
    save(model.fit(paths[:6], labels[:6]), path)
    np.testing.assert_array_equal(load(path).predict(paths[:6]), model.predict(paths[:6]))


def test_columns_come_back(paths, labels, path, tmp_path):
    frame = pd.DataFrame({"photo": paths, "age": np.arange(12.0), "kind": list("abcd") * 3})
    columns = make_column_transformer(
        (PretrainedEmbedder(**OPTIONS, root=tmp_path), "photo"),
        (make_pipeline(FunctionTransformer(np.log1p), StandardScaler()), ["age"]),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector("kind")),
    )
    model = make_pipeline(columns, SVC()).fit(frame, labels)
    save(model, path)
    np.testing.assert_array_equal(load(path).predict(frame), model.predict(frame))
    save(make_pipeline(columns.set_output(transform="pandas"), SVC()), path, overwrite=True)
    assert load(path)[0].set_output(transform="default").get_params()["remainder"] == "drop"


@pytest.mark.parametrize(
    "classifier",
    [
        LogisticRegression(),
        SVC(),
        KNeighborsClassifier(3, algorithm="brute"),
        RandomForestClassifier(5),
        GradientBoostingClassifier(n_estimators=3),
        HistGradientBoostingClassifier(max_iter=5),
        MLPClassifier(5, max_iter=300),
        CalibratedClassifierCV(LinearSVC(), cv=2),
        VotingClassifier([("a", LogisticRegression()), ("b", SVC())]),
        StackingClassifier([("a", LogisticRegression()), ("b", SVC())], cv=2),
        GridSearchCV(LinearSVC(), {"C": [0.1, 1.0]}, cv=2),
    ],
    ids=lambda classifier: type(classifier).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_classifiers_of_scikit_learn_come_back(classifier, path):
    X, y = _table()
    save(make_pipeline(StandardScaler(), classifier).fit(X, y), path)
    np.testing.assert_array_equal(load(path)[1].predict(X), classifier.predict(X))


def test_an_unfitted_pipeline_comes_back_unfitted(path, paths):
    save(make_pipeline(PretrainedEmbedder(backbone="mobilenet_v2"), LinearSVC()), path)
    assert load(path)[0].backbone == "mobilenet_v2"
    with pytest.raises(NotFittedError):
        load(path)[1].predict([[0.0]])


class Own(BaseEstimator):
    """An estimator that the file's reader does not have."""


def own_function(X):
    return X


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Own(), r"test_saving\.Own"),
        (make_pipeline(FunctionTransformer(own_function)), "own_function"),
        (FunctionTransformer(os.system), "system"),
        (FunctionTransformer(np.load), r"numpy.*load"),
        (FunctionTransformer(functools.partial(print, "x")), "partial"),
        (FunctionTransformer(operator.methodcaller("clear")), "methodcaller"),
        (FunctionTransformer(lambda X: X), "lambda"),
        (Pipeline([("a", PCA())], memory=Memory(None)), "memory= the path of a folder"),
        (PretrainedEmbedder(backbones.get("resnet50")), r"backbone is a Backbone.*'resnet50'"),
        (
            PretrainedEmbedder(backbones.get("hmax", num_scales=2)),
            r"a name of its own.*'my_hmax'",
        ),
        (PretrainedEmbedder(progress=print), "print"),
        (LinearSVC, "takes an estimator .* got LinearSVC"),
        ({"a": LinearSVC()}, "takes an estimator .* got dict"),
    ],
)
def test_what_load_would_refuse_is_not_saved(estimator, message, path):
    with pytest.raises(TypeError, match=message):
        save(estimator, path)
    assert not path.exists()
    assert not list(path.parent.iterdir())


def test_a_live_model_is_not_saved_and_a_path_is(path, tmp_path, paths):
    import keras

    layers = keras.layers
    network = keras.Sequential([layers.Input((8, 8, 3)), layers.GlobalAveragePooling2D()])
    embedder = PretrainedEmbedder(network)
    with pytest.raises(
        TypeError, match=r"steps\[0\]\[1\]\.backbone is a keras.Model.*\.keras'"
    ):
        save(make_pipeline(embedder, LinearSVC()), path)
    network.save(tmp_path / "network.keras")
    for backbone in (tmp_path / "network.keras", str(tmp_path / "network.keras")):
        save(PretrainedEmbedder(backbone), path, overwrite=True)
        got = load(path).transform(paths[:2])
        np.testing.assert_array_equal(got, embedder.transform(paths[:2]))


def test_files_are_written_whole_and_not_over_others(path, tmp_path):
    save(LinearSVC(), path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        save(LinearSVC(C=2), path)
    with pytest.raises(TypeError):
        save(Own(), path, overwrite=True)
    assert path.read_bytes() == before
    save(LinearSVC(C=2), path, overwrite=True)
    assert load(path).C == 2
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError, match="no folder"):
        save(LinearSVC(), tmp_path / "none" / "model.skops")
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.skops")


def test_other_versions_are_told(fitted, path):
    with zipfile.ZipFile(io.BytesIO(fitted)) as archive:
        versions = json.loads(archive.read("skembed.json"))
    assert versions["skembed"] == skembed.__version__
    other = json.dumps({**versions, "skembed": "0.0.1"}).encode()
    path.write_bytes(rewritten(fitted, skembed_json=other))
    with pytest.warns(UserWarning, match=r"written by skembed 0\.0\.1") as caught:
        load(path)
    assert [w.filename for w in caught] == [__file__]
    path.write_bytes(rewritten(fitted, schema_json=_older_scikit_learn))
    with pytest.warns(InconsistentVersionWarning, match=r"from version 1\.0\.0"):
        load(path)


def _older_scikit_learn(schema: bytes) -> bytes:
    import sklearn

    return schema.replace(f'\\"{sklearn.__version__}\\"'.encode(), b'\\"1.0.0\\"')


def test_a_file_of_skops_itself_is_taken(path):
    skops.io.dump(LinearSVC(C=3), path)
    assert load(path).C == 3


@pytest.fixture
def before_the_move(tmp_path):
    """One fitted pipeline, saved and pickled when estimators were modules at the root."""
    kept = Path(__file__).parent / "data" / "before_the_move.zip"
    with zipfile.ZipFile(kept) as archive:
        archive.extractall(tmp_path)
    parts = tmp_path / "pipeline.skops"
    with zipfile.ZipFile(tmp_path / "saved.skops", "w") as file:  # not compressed, as it was
        for part in sorted(parts.iterdir()):
            file.write(part, part.name)
    return tmp_path / "saved.skops", tmp_path / "pipeline.pickle"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
@pytest.mark.parametrize("name", ["saved", "pickled"])
def test_files_from_before_estimators_moved_still_load(name, before_the_move):
    saved, pickled = before_the_move
    model = load(saved) if name == "saved" else pickle.loads(pickled.read_bytes())  # noqa: S301
    kinds = [
        FullNetworkEmbedder, RowSpaceProjector, TernaryScaler, Discretizer, TenCropClassifier,
    ]  # fmt: skip
    assert [type(step) for _, step in model.steps] == kinds
    assert type(model["crops"].embedder) is PretrainedEmbedder
    images = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), np.uint8)
    ternary = model[:-1].transform(images)
    assert ternary.tolist() == [[-1, 1, 1], [-1, -1, 1], [1, -1, -1]]


@pytest.mark.slow
def test_pickles_of_live_models_from_before_the_move_still_load():
    import keras

    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    data = pickle.dumps(PretrainedEmbedder(model, pooling="max"), protocol=2)  # names as text
    former = {
        b"skembed.estimators.pretrained": b"skembed._pretrained",
        b"skembed.formats.keras._format": b"skembed.backbones._pickled_models",
    }
    for present, name in former.items():
        assert present in data
        data = data.replace(present, name)
    back = pickle.loads(data)  # noqa: S301
    assert type(back) is PretrainedEmbedder
    np.testing.assert_array_equal(back.backbone.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("kind", _ESTIMATORS, ids=lambda kind: kind.__name__)
def test_files_name_a_public_module_that_holds_the_estimator(kind, path):
    assert not any(part.startswith("_") for part in kind.__module__.split("."))
    assert vars(importlib.import_module(kind.__module__))[kind.__name__] is kind
    assert inspect.getsource(kind).startswith(f"class {kind.__name__}")
    parts = {"embedder": PretrainedEmbedder(), "classifier": LinearSVC()}
    save(kind(**parts) if kind is TenCropClassifier else kind(), path)
    assert f"{kind.__module__}.{kind.__name__}" in skops.io.get_untrusted_types(file=path)


# --- files that are crafted ----------------------------------------------------------------


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
        ("skembed.backbones._spec", "Backbone", "ObjectNode"),
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
    X, _ = _table()
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
    boosting = HistGradientBoostingClassifier(max_iter=1).fit(*_table())
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
    X, y = _table()
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
    sound = make(*_table())
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
