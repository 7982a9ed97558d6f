"""Which types a file may hold: ours, scikit-learn's, and the plain data that these consist of.

skops itself trusts numbers, text, containers, arrays, and each of scikit-learn's estimators. Here
is what these hold beyond once they are fitted. The names stand here one by one: a rule such as
"all that is scikit-learn's" would let in functions that run whatever the file says.
"""

from __future__ import annotations

from collections.abc import Iterable

_PATHS = ("PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
_NAMES = {
    "skembed": (
        "bigml.estimators.DeepnetClassifier",
        "bigml.estimators.DeepnetRegressor",
        "estimators.discretizer.Discretizer",
        "estimators.full_network.FullNetworkEmbedder",
        "estimators.layer_kernel_classifier.LayerKernelClassifierCV",
        "estimators.layer_kernel_regressor.LayerKernelRegressorCV",
        "estimators.layer_selector.LayerSelector",
        "estimators.pretrained.PretrainedEmbedder",
        "estimators.prototypes.PrototypeEmbedder",
        "estimators.row_space.RowSpaceProjector",
        "estimators.ten_crop.TenCropClassifier",
        "estimators.ternary_scaler.TernaryScaler",
        # Their names in files from before they moved (skembed._former_names).
        "_discretizer.Discretizer",
        "_full_network.FullNetworkEmbedder",
        "_pretrained.PretrainedEmbedder",
        "_row_space.RowSpaceProjector",
        "_ten_crop.TenCropClassifier",
        "_ternary_scaler.TernaryScaler",
    ),
    "sklearn": (
        "_loss.loss.HalfTweedieLossIdentity",
        "calibration._CalibratedClassifier",
        "calibration._SigmoidCalibration",
        "calibration._TemperatureScaling",
        "compose._column_transformer.make_column_selector",
        "ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "feature_selection._univariate_selection.chi2",
        "feature_selection._univariate_selection.f_classif",
        "feature_selection._univariate_selection.f_regression",
        "gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "gaussian_process.kernels.ConstantKernel",
        "gaussian_process.kernels.DotProduct",
        "gaussian_process.kernels.Matern",
        "gaussian_process.kernels.Product",
        "gaussian_process.kernels.RBF",
        "gaussian_process.kernels.RationalQuadratic",
        "gaussian_process.kernels.Sum",
        "gaussian_process.kernels.WhiteKernel",
        "metrics._classification.accuracy_score",
        "metrics._classification.balanced_accuracy_score",
        "metrics._classification.f1_score",
        "metrics._scorer._CurveScorer",
        "metrics._scorer._PassthroughScorer",
        "metrics._scorer._Scorer",
        "model_selection._split.GroupKFold",
        "model_selection._split.KFold",
        "model_selection._split.ShuffleSplit",
        "model_selection._split.StratifiedGroupKFold",
        "model_selection._split.StratifiedKFold",
        "model_selection._split.StratifiedShuffleSplit",
        "multiclass._ConstantPredictor",
        "neural_network._stochastic_optimizers.AdamOptimizer",
        "neural_network._stochastic_optimizers.SGDOptimizer",
        "tree._tree.Tree",
        "utils._bunch.Bunch",
        "utils._metadata_requests.MetadataRequest",
        "utils._metadata_requests.MethodMetadataRequest",
    ),
    "numpy": ("dtype",),
    "pathlib": _PATHS,
    "pathlib._local": _PATHS,  # where Python 3.13 has them
    "scipy.sparse": ("_csc.csc_array", "_csc.csc_matrix", "_csr.csr_array", "_csr.csr_matrix"),
}
TRUSTED = tuple(f"{package}.{name}" for package, names in _NAMES.items() for name in names)

_ADVICE = {
    "functools.partial": "partial objects call any function: write an estimator, or leave it out",
    "joblib.memory.Memory": "give memory= the path of a folder, or None",
    "sklearn.neighbors._ball_tree.BallTree": "fit with algorithm='brute'",
    "sklearn.neighbors._kd_tree.KDTree": "fit with algorithm='brute'",
    "skembed.search.image_search.ImageSearch": "it has a method save of its own",
    "skembed.backbones._backbone.Backbone": "give the backbone by its name, or by its file",
}


def foreign(types: Iterable[str]) -> list[str]:
    """Those of the types that skops does not trust by itself, and we neither."""
    return sorted(set(types) - set(TRUSTED))


def named(types: Iterable[str]) -> str:
    """The types for a message, with what to do instead where that is known."""
    texts = [f"{name} ({_ADVICE[name]})" if name in _ADVICE else name for name in types]
    shown = ", ".join(texts[:10])
    return f"{shown} and {len(texts) - 10} more" if len(texts) > 10 else shown
