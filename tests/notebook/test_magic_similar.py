"""``%embed similar``: the images that look most like one, as a table and as pictures."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_the_image_itself_is_nearest_and_its_kind_follows(notebook):
    ran = notebook.run("t = %embed similar images[5] images -s 64 --top 4\nt")
    assert not ran.error
    assert notebook.value("t['position'].tolist()[0], t['distance'].tolist()[0]") == "(5, 0.0)"
    assert notebook.value("set(t['position']) <= {4, 5, 6, 7}") == "True"
    (shown,) = (one["text/html"] for one in ran.data if "text/html" in one)
    assert shown.count("data:image/") == 4
    assert "5  0.000" in shown


def test_files_are_named_in_quotes_or_by_a_variable(notebook):
    ran = notebook.run(
        '%embed similar efficientnet_lite0 {paths[9]} "{folder}" -s 64 -n 2 -o near'
    )
    assert not ran.error
    assert notebook.value("all('coffee' in name for name in near.index)") == "True"
    assert notebook.value("near.index.name, len(near)") == "('image', 2)"


def test_mistakes_are_told_in_one_line(refused):
    assert "%embed similar [MODEL] IMAGE IMAGES" in refused("%embed similar images")
    assert "several" in refused("images = ['a.png', 'b.png']\n%embed similar images images")
    assert "takes no --svm" in refused("%embed similar images images --svm")
    assert "--top is for %embed similar" in refused("%embed images --top 3")
    assert "no number of images" in refused("%embed similar images images --top none")
