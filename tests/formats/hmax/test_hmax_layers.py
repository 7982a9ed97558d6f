"""The layers of HMAX against their statement in NumPy, in float64."""

from __future__ import annotations

import functools
import itertools

import jax
import numpy as np
import numpy_hmax as plain
import pytest
from PIL import Image

from skembed.formats.hmax import Hmax, HmaxParameters, Operation, local_max

pytestmark = pytest.mark.slow  # networks are compiled, or exported

OPERATIONS = ("DotProduct", "NormDotProduct", "Rbf", "NormRbf")
_QUICKLY = {"xla_backend_optimization_level": 0}  # compiled, that is
SHAPES = {"square": (47, 47), "wide": (40, 66), "tall": (61, 43)}
SMALL = {"s1_kwidth": 5, "c1_kwidth": 4, "c1_sampling": 3, "s2_kwidth": 3}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("channels", "n_kernels", "sampling"), [(4, 2, 1), (1, 3, 2)], ids=["by rows", "convolved"]
)
def test_an_operation_is_what_its_formula_says(operation, channels, n_kernels, sampling):
    rng = np.random.default_rng(0)
    x, kernels = (
        rng.normal(size=(11, 14, channels)),
        rng.normal(size=(n_kernels, 3, 3, channels)),
    )
    x[:4, :4] = 0  # a patch of no length
    if operation.startswith("Norm"):
        kernels /= np.sqrt(np.square(kernels).sum(axis=(1, 2, 3), keepdims=True))
    compare = Operation(operation, beta=0.7, bias=0.3).responses
    compared = jax.jit(compare, static_argnums=2, compiler_options=_QUICKLY)
    ours = compared(x.astype(np.float32), kernels.astype(np.float32), sampling)
    theirs = plain.responses(operation, x, kernels, 0.7, 0.3, sampling)
    assert ours.shape == ((11 - 2) // sampling, (14 - 2) // sampling, n_kernels)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-5)


def test_without_a_bias_a_patch_of_zeros_is_like_nothing():
    kernels = np.full((1, 3, 3, 1), 1 / 3, np.float32)
    found = Operation("NormDotProduct", beta=1, bias=0).responses(np.zeros((3, 3, 1)), kernels)
    assert np.asarray(found).tolist() == [[[0]]]


@pytest.mark.parametrize(("kwidth", "sampling"), [(1, 1), (3, 1), (4, 3), (11, 5)])
def test_the_last_window_is_left_out_where_the_map_ends_with_it(kwidth, sampling):
    x = np.random.default_rng(1).normal(size=(21, 16, 2)).astype(np.float32)
    found = local_max(x, kwidth, sampling)
    assert found.shape == ((22 - kwidth) // sampling, (17 - kwidth) // sampling, 2)
    np.testing.assert_array_equal(found, plain.local_max(x, kwidth, sampling))


def test_grey_is_pillows_to_the_bit():
    cube = np.array(list(itertools.product(range(0, 256, 5), repeat=3)), np.uint8)[None]
    grey = Hmax(HmaxParameters()).image(cube)
    np.testing.assert_array_equal(
        np.rint(grey * 255), np.asarray(Image.fromarray(cube).convert("L"))
    )
    assert grey.dtype == np.float32
    assert (float(grey.min()), float(grey.max())) == (0, 1)


@pytest.mark.parametrize("size", SHAPES.values(), ids=SHAPES)
def test_a_level_of_the_pyramid_is_the_one_before_by_lanczos(size):
    p = HmaxParameters()
    image = np.random.default_rng(3).random(size, np.float32)
    levels = Hmax(p).pyramid(image)
    n_pixels = [(round(h), round(w)) for h, w in _shrinking(size, p.scale_factor, 9)]
    assert [level.shape for level in levels] == n_pixels
    np.testing.assert_array_equal(levels[0], image)
    for before, after in itertools.pairwise(levels):
        expected = plain.lanczos(np.asarray(before, np.float64), after.shape)
        np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-6)
        by_pillow = Image.fromarray(np.asarray(before)).resize(
            after.shape[::-1], Image.Resampling.LANCZOS
        )
        np.testing.assert_allclose(after, by_pillow, rtol=1e-5, atol=1e-6)


def _shrinking(size, factor, n):
    """Sides that shrink from whole pixels to whole pixels."""
    for _ in range(n):
        yield size
        size = tuple(round(side / factor) for side in size)


@pytest.mark.parametrize("size", SHAPES.values(), ids=SHAPES)
def test_layers_of_default_operations(size):
    _compare(size, num_scales=9, scale_factor=1.08, **SMALL)


@pytest.mark.parametrize("size", SHAPES.values(), ids=SHAPES)
def test_fewer_scales_have_the_first_maps_and_all_responses(size):
    def all_layers(n_scales, image, prototypes):
        hmax = Hmax(HmaxParameters(num_scales=n_scales, scale_factor=1.08, **SMALL))
        s1 = hmax.s1(image)
        c1 = hmax.c1(s1)
        s2 = hmax.s2(c1, prototypes)
        return s1, c1, s2, hmax.c2(s2)[0]

    given = np.zeros(size, np.float32), np.zeros((5, 3, 3, 4), np.float32)
    found = {n: jax.eval_shape(functools.partial(all_layers, n), *given) for n in range(1, 10)}
    for n_scales, (*layers, responses) in found.items():
        assert responses.shape == (5,)
        for layer, of_nine in zip(layers, found[9], strict=False):
            assert [one.shape for one in layer] == [one.shape for one in of_nine[:n_scales]]
            assert len(layer) == n_scales


@pytest.mark.parametrize("operation", OPERATIONS)
def test_layers_of_each_operation(operation):
    _compare(
        (30, 34),
        num_scales=2,
        s1_operation=operation,
        s1_num_phases=3,
        s1_num_orientations=3,
        s2_operation=operation,
        s2_beta=0.5,
        **SMALL,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"retina_enabled": True, "retina_kwidth": 6, "retina_bias": 0.01},
        {"c1_whiten": True, "s1_operation": "DotProduct"},
        {"s1_sampling": 2, "c1_sampling": 2, "s2_sampling": 2, "scale_factor": 1.5},
    ],
    ids=["retina", "whiten", "sampling"],
)
def test_layers_of_other_parameters(changes):
    _compare((50, 44), **{"num_scales": 2, **SMALL, **changes})


def test_sizes_of_the_defaults():
    p = HmaxParameters()
    assert [height for height, _ in p.pyramid_sizes((220, 300))] == [
        220, 185, 156, 131, 110, 92, 77, 65, 55,
    ]  # fmt: skip
    assert p.s1_sizes((220, 300))[0] == (210, 290)
    assert p.c1_sizes((220, 300)) == (
        (40, 56), (33, 46), (27, 38), (22, 31), (18, 26), (14, 21), (11, 17), (9, 13), (7, 11),
    )  # fmt: skip


def test_as_many_scales_as_have_room_for_an_s2_unit():
    p = HmaxParameters(num_scales=0)
    counts = {side: len(p.pyramid_sizes((side, 400))) for side in (55, 56, 66, 80, 219, 220)}
    assert counts == {55: 0, 56: 1, 66: 2, 80: 3, 219: 8, 220: 9}
    with pytest.raises(ValueError, match="num_scales=0 every scale has an S2 unit"):
        Hmax(p).pyramid(np.zeros((55, 400), np.float32))


def test_a_map_that_is_too_small_is_named():
    hmax = Hmax(HmaxParameters())
    with pytest.raises(
        ValueError, match=r"C1 takes windows of 11 x 11, and at scale 1 .* 8 x 24"
    ):
        hmax.c1([np.zeros((11, 30, 4)), np.zeros((8, 24, 4))])


def _compare(size, **parameters):
    """Compare all layers of one image; return the parameters, and the sizes of C1."""
    p = HmaxParameters(**parameters)
    rng = np.random.default_rng(2)
    image = np.cumsum(rng.normal(size=size), axis=1)
    image = ((image - image.min()) / np.ptp(image)).astype(np.float32)
    hmax, n_scales = Hmax(p), len(p.pyramid_sizes(size))
    retina = plain.retina(image.astype(np.float64), p)
    s1 = plain.s1(plain.pyramid(retina, p, n_scales), p)
    c1 = plain.c1(s1, p)
    prototypes = np.stack([one[:3, :3] for one in c1[:2]] + [c1[0][1:4, 1:4] * 0.5])
    if p.s2_operation.startswith("Norm"):
        prototypes /= np.sqrt(np.square(prototypes).sum(axis=(1, 2, 3), keepdims=True))
    s2 = plain.s2(c1, prototypes, p)

    @functools.partial(jax.jit, compiler_options=_QUICKLY)
    def ours(image, prototypes):
        found = hmax.retina(image)
        found_s1 = hmax.s1(found)
        found_c1 = hmax.c1(found_s1)
        found_s2 = hmax.s2(found_c1, prototypes)
        return found, found_s1, found_c1, found_s2, *hmax.c2(found_s2)

    found = ours(image, prototypes.astype(np.float32))
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    close(found[0], retina)
    for layer, expected in zip(found[1:4], (s1, c1, s2), strict=True):
        assert [one.shape for one in layer] == [one.shape for one in expected]
        for mine, theirs in zip(layer, expected, strict=True):
            close(mine, theirs)
    close(found[4], np.max([one.max(axis=(0, 1)) for one in s2], axis=0))
    for i, (scale, row, column) in enumerate(np.asarray(found[5])):
        close(found[3][scale][row, column, i], found[4][i], rtol=0, atol=0)
    assert [one.shape[:2] for one in s1] == list(p.s1_sizes(size))
    return p, list(p.c1_sizes(size))
