"""Look inside: where features are active, what decided, which images and labels went wrong.

Every function gives arrays and data frames; displays draw them, by scikit-learn's convention.
"""

from ._examples import top_images
from ._explain import explain, layer_contributions
from ._maps import activation_map
from ._mistakes import confusions, label_suspects
from ._patterns import class_patterns
from ._projection import nearest_rows, plot_projection, project

__all__ = [
    "activation_map",
    "class_patterns",
    "confusions",
    "explain",
    "label_suspects",
    "layer_contributions",
    "nearest_rows",
    "plot_projection",
    "project",
    "top_images",
]
