"""`save` and `load`: what comes back, and what is not saved."""

from __future__ import annotations

import functools
import importlib
import inspect
import io
import json
import operator
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from joblib import Memory
from saved_files import rewritten, table
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
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
    X, y = table()
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
    kept = Path(__file__).parents[1] / "data" / "before_the_move.zip"
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
