"""Names of layers, found out in the background: Keras takes seconds to load."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait

from ..backbones import Backbone
from ..layers._select import known

# A notebook waits a second for completions, and IPython's own take a part of it.
_WAIT = 0.3


class LayerNames:
    """The names of the layers of networks, each network drawn once."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="skembed-layer-names")
        self._asked: dict[Backbone, Future[list[str]]] = {}

    def of(self, backbone: Backbone) -> list[str]:
        """Return the names of its layers, or none yet: ask again in a moment.

        Parameters
        ----------
        backbone : Backbone
            Of the registry. One that cannot be drawn has no names, for now.
        """
        asked = self._asked.get(backbone)
        if asked is None:
            asked = self._asked[backbone] = self._thread.submit(_names, backbone)
        wait([asked], _WAIT)
        if not asked.done():
            return []
        if asked.exception() is not None:
            # A completion is no place for errors, and the reason may be gone the next time.
            del self._asked[backbone]
            return []
        return asked.result()


def _names(backbone: Backbone) -> list[str]:
    return [layer.name for layer in known(backbone)]
