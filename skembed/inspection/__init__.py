"""Look inside: where features are active, what decided, which images and labels went wrong.

Every function gives arrays and data frames; displays draw them, by scikit-learn's convention.
"""

from ._boxes import draw_boxes
from ._confusions_display import ConfusionsDisplay
from ._distinctive import distinctive_features
from ._examples import top_images
from ._explain import explain, layer_contributions
from ._gallery import Gallery, gallery
from ._labelling import next_to_label
from ._layer_display import ClassPatternsDisplay, LayerContributionsDisplay
from ._layer_scores_display import plot_layer_scores
from ._map_display import ActivationMapDisplay, plot_activation_map
from ._maps import activation_map
from ._mistakes import confusions, label_suspects
from ._patterns import class_patterns
from ._projection import nearest_rows, project
from ._projection_display import plot_projection
from ._prototypes import prototype_matches, prototype_regions
from ._strongest import strongest_features
from ._threshold_display import ThresholdsDisplay
from ._thresholds import threshold_scores, threshold_shares
from ._top_images_display import TopImagesDisplay

__all__ = [
    "ActivationMapDisplay",
    "ClassPatternsDisplay",
    "ConfusionsDisplay",
    "Gallery",
    "LayerContributionsDisplay",
    "ThresholdsDisplay",
    "TopImagesDisplay",
    "activation_map",
    "class_patterns",
    "confusions",
    "distinctive_features",
    "draw_boxes",
    "explain",
    "gallery",
    "label_suspects",
    "layer_contributions",
    "nearest_rows",
    "next_to_label",
    "plot_activation_map",
    "plot_layer_scores",
    "plot_projection",
    "project",
    "prototype_matches",
    "prototype_regions",
    "strongest_features",
    "threshold_scores",
    "threshold_shares",
    "top_images",
]
