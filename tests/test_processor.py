"""The processor: its cores, and its names, what they tell apart and what they do not.

Files stand for what Linux says of other machines, and keys of rows show the names as digests only.
"""

from __future__ import annotations

import jax
import pytest

from skembed import PretrainedEmbedder, _processor
from skembed.engines.jax import _engine
from skembed.extraction import images_run

X86 = """processor\t: 0
model name\t: AMD EPYC
flags\t\t: fpu mmx sse sse2 avx avx2 fma avx512f

processor\t: 1
model name\t: AMD EPYC
flags\t\t: fpu
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd aes sve\nCPU part\t: 0xd40\n"


def test_cores_are_those_that_we_are_given(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # as a container's quota
    assert _processor.n_cores() == 1


@pytest.fixture
def names(tmp_path, monkeypatch):
    """Both names, where /proc/cpuinfo says that."""

    def of(text: str | None) -> tuple[str, str]:
        file = tmp_path / "cpuinfo"
        if text is not None:
            file.write_text(text)
        monkeypatch.setattr(_processor, "_CPUINFO", file)
        return _processor.processor.__wrapped__(), _processor.arithmetic.__wrapped__()

    return of


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (X86, "AMD EPYC", "Intel Xeon"),
        (X86, "avx2 fma", "avx2"),
        (ARM, "asimd aes sve", "asimd aes"),
        (ARM, "0xd40", "0xd4f"),
    ],
)
def test_another_processor_has_other_names(names, text, old, new):
    before, after = names(text), names(text.replace(old, new, 1))
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_what_a_newer_linux_adds_changes_no_number(names):
    before, after = names(X86), names(X86.replace("fpu mmx", "fpu debug_swap mmx"))
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_a_machine_that_does_not_say_has_names_too(names):
    assert all(len(name) == 16 for name in names(None))


@pytest.mark.slow
def test_rows_of_another_processor_are_not_taken(tmp_path, pictures, monkeypatch):
    if jax.default_backend() != "cpu":
        pytest.skip("networks do not run on the CPU")
    embedder = PretrainedEmbedder(engine="jax", cache=tmp_path, progress=False)

    def run() -> int:
        before = images_run()
        embedder.transform(pictures[:2])
        return images_run() - before

    assert (run(), run()) == (2, 0)
    monkeypatch.setattr(_engine, "_device", _engine._device.__wrapped__)
    monkeypatch.setattr(_engine, "arithmetic", lambda: "another")
    assert (run(), run()) == (2, 0)
