"""PretrainedEmbedder among scikit-learn's own: checks, pipelines, searches, frames, files."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import skops.io
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags

from skembed import PretrainedEmbedder
from skembed.extraction import images_run
from skembed.testing import check_image_estimator, image_estimator_checks

SIZE = 64


def _embedder(**options) -> PretrainedEmbedder:
    return PretrainedEmbedder(image_size=SIZE, **options)


@pytest.fixture(scope="module")
def encoded(paths) -> list[bytes]:
    """Six pictures as files, which every kind of column can hold."""
    return [Path(path).read_bytes() for path in paths[::2]]


@pytest.mark.slow
@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize(
    "check", [check.check_name for check in image_estimator_checks(_embedder())]
)
def test_keeps_the_contract(check, cache, encoded):
    checks = image_estimator_checks(_embedder(cache=cache), encoded)
    next(c for c in checks if c.check_name == check)()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"layers": ["predictions", "embedding"]},
        {"normalize": "l2", "quantize": True},
        {"pooling": "max", "resize": "pad", "on_error": "raise", "n_jobs": 2},
    ],
    ids="-".join,
)
def test_keeps_the_contract_with_other_parameters(options):
    records = check_image_estimator(_embedder(cache=False, **options))
    not_passed = [record["check_name"] for record in records if record["status"] != "passed"]
    assert not_passed == ["check_image_pyarrow"]  # arrays do not go into its columns


def test_tags():
    tags = get_tags(_embedder())
    assert tags.requires_fit is False
    assert tags.input_tags.one_d_array
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.transformer_tags.preserves_dtype == []


@pytest.mark.slow
def test_pipeline_and_cross_validation(paths, labels):
    classifier = Pipeline([("emb", _embedder()), ("svm", LinearSVC())])
    scores = cross_val_score(classifier, paths, labels, cv=StratifiedKFold(2))
    assert scores.mean() >= 0.9  # bricks, grass and cups


def test_an_unfitted_pipeline_transforms(paths):
    rows = Pipeline([("emb", _embedder())]).transform(paths)
    np.testing.assert_array_equal(rows, _embedder().transform(paths))


def _frames(paths):
    columns = {"photo": paths, "n": [float(i) for i in range(len(paths))]}
    return {
        "pandas": pd.DataFrame(columns),
        "polars": pl.DataFrame(columns),
        "pyarrow": pa.table(columns),
    }


@pytest.mark.parametrize("columns", ["photo", ["photo"]], ids=["1-d", "one-column"])
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_column_transformer(library, columns, paths):
    frame = _frames(paths)[library]
    steps = [("img", _embedder(), columns)]
    if library != "pyarrow":  # from which scikit-learn passes no column through
        steps.append(("rest", "passthrough", ["n"]))
    both = ColumnTransformer(steps)
    rows = both.fit_transform(frame)
    np.testing.assert_array_equal(rows[:, :1280], _embedder().transform(paths))
    np.testing.assert_array_equal(both.transform(frame), rows)
    names = both.get_feature_names_out().tolist()
    assert names[:2] == ["img__embedding__0000", "img__embedding__0001"]
    if library != "pyarrow":
        np.testing.assert_array_equal(rows[:, 1280], range(len(paths)))
        assert names[1280:] == ["rest__n"]


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_frame_of_several_columns_is_refused_and_names_them(library, paths):
    with pytest.raises(ValueError, match=r"X has 2 columns \('photo', 'n'\).*X\['photo'\]"):
        _embedder().transform(_frames(paths)[library])


def test_a_column_transformer_inside_a_pipeline_is_cross_validated(paths, labels):
    frame = _frames(paths)["pandas"]
    columns = make_column_transformer((_embedder(), "photo"), ("passthrough", ["n"]))
    classifier = make_pipeline(columns, KNeighborsClassifier(1))
    assert cross_val_score(classifier, frame, labels, cv=StratifiedKFold(2)).mean() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_over_backbones(n_jobs, paths, labels, tmp_path):
    pipeline = Pipeline([("emb", _embedder(cache=tmp_path)), ("near", KNeighborsClassifier(1))])
    grid = {"emb__backbone": ["efficientnet_lite0", "efficientnet_lite1"], "near__p": [1, 2]}
    before = images_run()
    search = GridSearchCV(pipeline, grid, cv=StratifiedKFold(2), n_jobs=n_jobs)
    search.fit(paths, labels)
    assert search.best_score_ >= 0.9
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    if n_jobs == 1:  # else other processes ran them; the store's own tests count those
        assert images_run() - before == 2 * len(paths)
    before = images_run()
    GridSearchCV(pipeline, grid, cv=StratifiedKFold(3)).fit(paths, labels)
    assert images_run() == before
    here = clone(pipeline).set_params(emb__cache=False, emb__backbone="efficientnet_lite1")
    stored = clone(pipeline).set_params(emb__backbone="efficientnet_lite1")
    np.testing.assert_array_equal(here[:1].transform(paths), stored[:1].transform(paths))


@pytest.mark.parametrize("library", [pickle, joblib], ids=["pickle", "joblib"])
def test_pickles_are_small_before_and_after_use(library, paths):
    embedder = _embedder(cache=False)
    for _ in range(2):
        file = io.BytesIO()
        library.dump(embedder, file)
        assert len(file.getvalue()) < 1000
        file.seek(0)
        back = library.load(file)
        np.testing.assert_array_equal(back.transform(paths[:2]), embedder.transform(paths[:2]))


def test_a_skops_file_is_small_and_has_one_type_to_trust(paths):
    embedder = _embedder()
    embedder.transform(paths[:2])
    data = skops.io.dumps(embedder)
    assert len(data) < 8000
    untrusted = skops.io.get_untrusted_types(data=data)
    assert untrusted == ["skembed.estimators.pretrained.PretrainedEmbedder"]
    back = skops.io.loads(data, trusted=untrusted)
    np.testing.assert_array_equal(back.transform(paths[:2]), embedder.transform(paths[:2]))


def test_a_whole_pipeline_goes_through_skops(paths, labels):
    pipeline = Pipeline([("emb", _embedder()), ("svm", LinearSVC())]).fit(paths, labels)
    data = skops.io.dumps(pipeline)
    back = skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
    assert back.predict(paths).tolist() == labels


def test_clones_share_one_network(paths, networks_built):
    embedder = _embedder(cache=False)
    embedder.transform(paths[:1])
    for _ in range(3):
        clone(embedder).transform(paths[:1])
    assert len(networks_built) == 1


def test_joblib_hashes_of_clones_agree():
    """So that ``Pipeline(memory=)`` finds what another fold has computed."""
    assert joblib.hash(_embedder()) == joblib.hash(clone(_embedder()))


def test_set_output_pandas(paths):
    embedder = _embedder().set_output(transform="pandas")
    X = pd.Series(paths, index=[f"p{i}" for i in range(len(paths))], name="photo")
    frame = embedder.transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert frame.index.equals(X.index)
    assert frame.columns.tolist() == embedder.get_feature_names_out().tolist()
    assert set(frame.dtypes) == {np.dtype("float32")}
    assert embedder.transform(X.to_frame()).equals(frame)


def test_set_output_polars(paths):
    frame = _embedder().set_output(transform="polars").transform(pl.Series(paths))
    assert isinstance(frame, pl.DataFrame)
    assert set(frame.dtypes) == {pl.Float32}
    np.testing.assert_array_equal(frame.to_numpy(), _embedder().transform(paths))


def test_global_output_setting(paths):
    with config_context(transform_output="polars"):
        assert isinstance(_embedder().transform(paths), pl.DataFrame)


@pytest.mark.slow
def test_several_layers_as_columns_of_a_frame(paths):
    embedder = _embedder(layers=["predictions", "embedding"]).set_output(transform="pandas")
    frame = embedder.transform(paths[:2])
    assert embedder.layer_slices_ == {
        "predictions": slice(0, 1000),
        "embedding": slice(1000, 2280),
    }
    assert frame.columns[[0, 999, 1000, 2279]].tolist() == [
        "tench", "toilet tissue", "embedding__0000", "embedding__1279",
    ]  # fmt: skip
    np.testing.assert_allclose(frame.iloc[:, :1000].sum(axis=1), 1, rtol=1e-5)


def test_html_has_links_and_the_parameters_docs():
    html = _embedder(pooling="max")._repr_html_()
    page = "https://skembed.readthedocs.io/en/stable/api/skembed.PretrainedEmbedder.html"
    assert f'href="{page}"' in html
    assert "How a feature map of shape (height, width, channels)" in html
    for name in _embedder().get_params():
        assert f"{page}#:~:text={name}," in html


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(_embedder(layers="predictions", engine="jax")) == (
        "PretrainedEmbedder(engine='jax', image_size=64, layers='predictions')"
    )
