from __future__ import annotations

import re

import pytest

from skembed.backbones import class_ids, class_names


def test_names_are_unique_and_readable():
    names = class_names("imagenet-1k")
    assert len(names) == len(set(names)) == 1000
    assert all(name == name.strip() and name.isascii() and "," not in name for name in names)


def test_order_is_that_of_the_weights():
    names = class_names("imagenet-1k")
    known = {
        0: "tench",
        285: "Egyptian cat",
        504: "coffee mug",
        985: "daisy",
        999: "toilet tissue",
    }
    assert {i: names[i] for i in known} == known


def test_shared_lemmas_are_told_apart():
    names = dict(zip(class_ids(), class_names(), strict=True))
    assert names["n02012849"] == "crane (bird)"
    assert names["n03126707"] == "crane (machine)"
    assert names["n03710637"] == "maillot"
    assert names["n03710721"] == "tank suit"


def test_ids_are_synsets_in_ascending_order():
    ids = class_ids("imagenet-1k")
    assert all(re.fullmatch(r"n\d{8}", i) for i in ids)
    assert list(ids) == sorted(set(ids))


def test_names_agree_with_an_independent_label_file(shared):
    lines = (shared / "models/tflite/coral_imagenet_labels.txt").read_text().splitlines()
    lemmas = [line.split(", ") for line in lines[1:]]  # the first is "background"
    differ = [
        name
        for name, known in zip(class_names(), lemmas, strict=True)
        if name.split(" (")[0] not in known
    ]
    assert differ == []


@pytest.mark.parametrize("function", [class_names, class_ids])
def test_unknown_list_names_the_nearest(function):
    with pytest.raises(ValueError, match=r"'imagenet1k'\. Did you mean 'imagenet-1k'\?"):
        function("imagenet1k")
