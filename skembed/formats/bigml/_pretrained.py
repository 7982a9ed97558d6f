"""Facts about the networks that BigML trained on ImageNet and COCO; their layers are not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PretrainedNetwork:
    """What is known of a network of BigML's that is trained on ImageNet or COCO.

    Parameters
    ----------
    name : str
        Its name in documents.
    side : int
        Height and width of its images, in pixels.
    loading_method : str
        How pixels are normalised.
    n_features : int
        The width of its embedding; 0 for detectors.
    version : str
        Of its weights.
    rescale_type : {"crop", "pad"}
        How images come to its size.
    similar : str
        The backbone of skembed that has the same layers, trained by others; empty for none.

    Examples
    --------
    >>> from skembed import bigml
    >>> bigml.PRETRAINED["xception"].side
    299
    """

    name: str
    side: int
    loading_method: str
    n_features: int
    version: str
    rescale_type: str
    similar: str

    @property
    def weights_file(self) -> str:
        """The name of the file of its weights."""
        return f"{self.name}_weights_{self.version}.h5"

    @property
    def extractor_file(self) -> str:
        """The name of the file of the whole network."""
        return f"{self.name}_extractor_{self.version}.smbundle"


PRETRAINED: Mapping[str, PretrainedNetwork] = {
    row[0]: PretrainedNetwork(*row)
    for row in (
        ("mobilenet", 224, "centering", 1024, "208b4ec4", "crop", "mobilenet"),
        ("mobilenetv2", 224, "skewed_centering", 1280, "31b538bd", "crop", "mobilenet_v2"),
        ("resnet18", 224, "channelwise_standardizing", 512, "cb5ddcb5", "crop", ""),
        ("resnet50", 224, "channelwise_centering", 2048, "8705001b", "crop", "resnet50"),
        ("xception", 299, "centering", 2048, "967071f6", "crop", "xception"),
        ("tinyyolov4", 416, "normalizing", 0, "45a05485", "pad", ""),
        ("yolov4", 416, "normalizing", 0, "37999bf0", "pad", ""),
    )
}
