"""The packages whose loop runs one image at a time: the real ones, as documented.

Only their download of weights is replaced, by the network that all others run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from .contender import Contender, Job, NotThere
from .torch_network import by_timm_name, finish, import_torch


class Embetter(Contender):
    """``ImageLoader`` and ``TimmEncoder`` in a pipeline."""

    def __init__(self, job: Job, setting: dict[str, Any]):
        super().__init__(job, setting)
        import_torch(job.threads)
        try:
            import timm
            from embetter.vision import ImageLoader, TimmEncoder
        except ImportError as error:
            raise NotThere(f"embetter or timm is not installed ({error})") from error
        from sklearn.pipeline import make_pipeline

        create = timm.create_model

        def without_weights(name, pretrained=False, **kwargs):
            return finish(create(name, pretrained=False, **kwargs), by_timm_name(name))

        timm.create_model = without_weights
        try:
            encoder = TimmEncoder(job.network.timm)
        finally:
            timm.create_model = create
        self._encoder = encoder
        self._pipeline = make_pipeline(ImageLoader(), encoder)

    def prepare(self, images: np.ndarray) -> list[Any]:
        return [Image.fromarray(image) for image in images]

    def network(self, prepared: list[Any]) -> np.ndarray:
        # The package has no door for pixels that are ready: its transform is part of the loop.
        return self._encoder.transform(prepared)

    def files(self, paths: list[str]) -> np.ndarray:
        return self._pipeline.fit_transform(paths)


class Img2Vec(Contender):
    """``get_vec`` for each image; its lists are one batch, whatever their length."""

    def __init__(self, job: Job, setting: dict[str, Any]):
        super().__init__(job, setting)
        torch = import_torch(job.threads)
        try:
            import img2vec_pytorch.img_to_vec as package
            from torchvision.models import resnet50
        except ImportError as error:
            raise NotThere(f"img2vec_pytorch is not installed ({error})") from error
        package.resnet50 = lambda weights: finish(resnet50(weights=None), job.network)
        self._img2vec = package.Img2Vec(cuda=False, model="resnet50")
        torch.set_num_threads(job.threads)

    def prepare(self, images: np.ndarray) -> list[Any]:
        return [Image.fromarray(image) for image in images]

    def network(self, prepared: list[Any]) -> np.ndarray:
        return np.stack([self._img2vec.get_vec(image) for image in prepared])

    def files(self, paths: list[str]) -> np.ndarray:
        return self.network(Image.open(path).convert("RGB") for path in paths)  # type: ignore[arg-type]
