"""Here JAX runs the networks: OpenVINO would take another process to write a graph of each."""

from __future__ import annotations

import pytest

from skembed.extraction import _engines


@pytest.fixture(scope="module", autouse=True)
def _without_openvino():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_engines, "has_openvino", lambda: False)
        yield
