"""Settings: what is allowed, and who sees a change."""

from __future__ import annotations

import threading

import pytest

import skembed
from skembed import ImageError, PretrainedEmbedder, config_context, get_config, set_config


def _seen_in_a_thread() -> dict:
    seen = {}
    thread = threading.Thread(target=lambda: seen.update(get_config()))
    thread.start()
    thread.join()
    return seen


def test_defaults():
    assert get_config() == {
        "cache_dir": None,
        "cache_size": 5 * 2**30,
        "cache_dtype": "float32",
        "trust_stat": True,
        "max_image_pixels": 89_478_485,
        "max_image_bytes": 256 * 2**20,
        "url_timeout": 4.0,
        "allow_private_urls": False,
        "compile_cache": True,
        "gpu_preallocate": None,
    }


def test_what_get_config_returns_is_a_copy():
    get_config()["url_timeout"] = 1.0
    assert get_config()["url_timeout"] == 4.0


def test_set_config_stays():
    set_config(url_timeout=1.5, cache_dtype="float16")
    assert get_config()["url_timeout"] == 1.5
    assert get_config()["cache_dtype"] == "float16"


def test_set_config_reaches_threads_that_start_later():
    set_config(url_timeout=1.5)
    assert _seen_in_a_thread()["url_timeout"] == 1.5


def test_set_config_leaves_threads_alone_that_have_read_theirs():
    started, changed, seen = threading.Event(), threading.Event(), []

    def other():
        get_config()
        started.set()
        assert changed.wait(60)
        seen.append(get_config()["url_timeout"])

    thread = threading.Thread(target=other)
    thread.start()
    assert started.wait(60)
    set_config(url_timeout=1.5)
    changed.set()
    thread.join()
    assert seen == [4.0]


def test_config_context_ends_with_its_block():
    with config_context(url_timeout=1.5):
        assert get_config()["url_timeout"] == 1.5
        with config_context(max_image_pixels=7):
            assert (get_config()["url_timeout"], get_config()["max_image_pixels"]) == (1.5, 7)
        assert get_config()["max_image_pixels"] == 89_478_485
    assert get_config()["url_timeout"] == 4.0


def test_config_context_ends_with_an_error_too():
    with pytest.raises(KeyError), config_context(url_timeout=1.5):
        raise KeyError
    assert get_config()["url_timeout"] == 4.0


def test_config_context_is_this_thread_s_alone():
    with config_context(url_timeout=1.5):
        assert _seen_in_a_thread()["url_timeout"] == 4.0


def test_set_config_inside_a_context_ends_with_it_here_and_stays_elsewhere():
    with config_context(cache_dtype="float16"):
        set_config(url_timeout=1.5)
    assert get_config()["cache_dtype"] == "float32"
    assert _seen_in_a_thread()["url_timeout"] == 1.5
    assert _seen_in_a_thread()["cache_dtype"] == "float32"


@pytest.mark.parametrize("change", [set_config, lambda **s: config_context(**s).__enter__()])
def test_an_unknown_setting_names_the_nearest(change):
    with pytest.raises(TypeError, match=r"no setting 'cache_dri'. Did you mean 'cache_dir'"):
        change(cache_dri="x")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"cache_size": 0}, "cache_size must be a positive, finite number, got 0"),
        ({"cache_size": "5 GB"}, "cache_size must be a positive, finite number, got '5 GB'"),
        ({"cache_size": float("inf")}, "cache_size must be a positive, finite number, got inf"),
        ({"url_timeout": -1}, "url_timeout must be a positive, finite number"),
        ({"url_timeout": float("nan")}, "url_timeout must be a positive, finite number"),
        (
            {"max_image_pixels": True},
            "max_image_pixels must be a positive, finite number, got True",
        ),
        ({"cache_dtype": "int8"}, "cache_dtype must be 'float32' or 'float16', got 'int8'"),
        ({"trust_stat": 1}, "trust_stat must be True or False, got 1"),
        ({"allow_private_urls": 1}, "allow_private_urls must be True or False, got 1"),
        ({"compile_cache": None}, "compile_cache must be True or False, got None"),
        ({"gpu_preallocate": "no"}, "gpu_preallocate must be True, False or None, got 'no'"),
        ({"cache_dir": 3}, "cache_dir must be a str, a path or None, got 3"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_and_changes_nothing(setting, message):
    before = get_config()
    with pytest.raises(ValueError, match=message):
        set_config(**{"trust_stat": False, **setting})
    assert get_config() == before


@pytest.mark.slow
def test_an_estimator_goes_by_the_settings(paths, tmp_path):
    with (
        config_context(max_image_pixels=1000),
        pytest.raises(ImageError, match=r"Row 0: .*00\.png.*1[ ,]?000"),
    ):
        # What is known from the store is not decoded, and so not refused.
        PretrainedEmbedder(image_size=64, cache=False).transform(paths[:1])
    with config_context(cache_dir=tmp_path / "here"):
        PretrainedEmbedder(image_size=64).transform(paths[:1])
    assert any((tmp_path / "here").iterdir())


def test_cache_info_is_there_for_the_settings_store(tmp_path):
    with config_context(cache_dir=tmp_path):
        assert skembed.cache_info() is not None
