"""How JAX is started, in new processes: a GPU's memory, and the environment."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

_VARIABLE = "XLA_PYTHON_CLIENT_PREALLOCATE"
# What XLA is told at the moment its devices start, asked of the function that asks for GPUs. The
# devices of a CPU are started by the same call.
_PROGRAM = f"""
import os, warnings
warnings.simplefilter("error")
import jax
from jaxlib import xla_client
seen = []
make = xla_client.make_cpu_client
def noted(*args, **options):
    seen.append(xla_client.generate_pjrt_gpu_plugin_options().get("preallocate"))
    return make(*args, **options)
xla_client.make_cpu_client = noted
import skembed
BEFORE
skembed.show_devices()
print(seen, os.environ.get("{_VARIABLE}"))
"""


@pytest.mark.parametrize(
    ("given", "before", "printed"),
    [
        (None, "", "[False] None"),
        ("true", "", "[True] true"),
        ("false", "", "[False] false"),
    ],
)
def test_a_gpu_s_memory_is_shared_unless_the_user_says_otherwise(
    without_jax, given, before, printed
):
    program = _PROGRAM.replace("BEFORE", before)
    assert without_jax(program, **{_VARIABLE: given}) == printed


@pytest.mark.parametrize(
    ("given", "asked", "printed"),
    [(None, True, "[True] None"), ("true", False, "[False] true")],
)
def test_a_setting_goes_before_the_environment(without_jax, given, asked, printed):
    before = "\n".join(
        (
            "with warnings.catch_warnings(record=True) as caught:",
            "    warnings.simplefilter('always')",
            f"    skembed.set_config(gpu_preallocate={asked})",
            f"    skembed.set_config(gpu_preallocate={not asked})",
            f"    skembed.set_config(gpu_preallocate={asked})",
            # JAX is loaded: it may have been too late, and that is said once.
            "assert [w.category for w in caught] == [RuntimeWarning], caught",
            "assert 'XLA_PYTHON_CLIENT_PREALLOCATE' in str(caught[0].message)",
        )
    )
    assert without_jax(_PROGRAM.replace("BEFORE", before), **{_VARIABLE: given}) == printed


def test_a_setting_before_jax_is_loaded_warns_of_nothing(python):
    program = "import skembed; skembed.set_config(gpu_preallocate=True)"
    python(program, "-Werror")


def test_building_a_network_starts_jax_our_way(without_jax):
    before = "skembed.backbones.get('efficientnet_lite0')\n" + "\n".join(
        (
            "from skembed.formats.keras import load",
            "load(skembed.backbones.get('efficientnet_lite0'), None, False)",
        )
    )
    assert (
        without_jax(_PROGRAM.replace("BEFORE", before), **{_VARIABLE: None}) == "[False] None"
    )
