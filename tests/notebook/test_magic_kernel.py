"""``%embed`` in a notebook, run by a real kernel: every form, and what each leaves behind."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.slow

_SMALL = "-s 64 -l stage1,stage2"
_WIDTH = 40  # of stage1 and stage2


@pytest.fixture(scope="module", autouse=True)
def _known(notebook):
    """The one pass of `images` through the network, whichever test comes first."""
    ran = notebook.run(f"A = %embed efficientnet_lite0 images {_SMALL}")
    assert "12 images -> 40 features" in ran.text
    assert "(12 through the network)" in ran.text


def test_a_line_gives_an_array(notebook):
    ran = notebook.run(f"X = %embed efficientnet_lite0 images {_SMALL}\nX.shape, str(X.dtype)")
    assert ran.value == f"((12, {_WIDTH}), 'float32')"
    assert "(12 from the store)" in ran.text
    assert notebook.value(f"%embed images {_SMALL} -q").startswith("array([[")


def test_the_bar_becomes_the_summary_and_leaves_no_widget(notebook):
    before = set(notebook.widgets)  # an estimator's own bar is one
    ran = notebook.run(f"%embed images {_SMALL} --no-cache;")
    assert [sorted(one) for one in ran.data] == [["text/plain"]]
    assert ran.text.startswith(
        f"efficientnet_lite0, stage1, stage2: 12 images -> {_WIDTH} features in "
    )
    assert ran.text.strip().endswith("(12 through the network)")
    assert set(notebook.widgets) == before


def test_the_time_to_go_is_measured_from_the_first_images_on(notebook):
    ran = notebook.run(
        """
import types
from skembed.notebook import _progress

clock, time = types.SimpleNamespace(now=0), _progress.time
_progress.time = types.SimpleNamespace(perf_counter=lambda: clock.now)
bar = _progress.NotebookBar(48, "<net>")
print(bar, bar.html(), sep="\\n")
for seconds, n in ((60, 16), (1, 8), (1, 8)):  # a minute to compile
    clock.now += seconds
    bar.add(n)
    print(bar)
print(bar.html())
bar.close()
_progress.time = time
"""
    )
    assert not ran.error
    first, moving, *lines, html = ran.streams.splitlines()
    assert first == "<net>: 0 of 48 images"
    assert 'value="' not in moving
    assert "&lt;net&gt;: 0 of 48 images<" in moving
    assert lines == [
        "<net>: 16 of 48 images",
        "<net>: 24 of 48 images, about 3 s to go",
        "<net>: 32 of 48 images, about 2 s to go",
    ]
    assert '<progress value="32" max="48"' in html
    assert "32 of 48 images, about 2 s to go<" in html
    assert ran.data == [{"text/plain": "<net>: 32 of 48 images, then an error"}]


def test_a_bar_that_an_error_stops_says_so(notebook):
    ran = notebook.run(f"%embed [images[0], b'no image'] {_SMALL} --no-cache")
    assert ran.data[0]["text/plain"].endswith("of 2 images, then an error")
    assert re.fullmatch(r"EmbedError: Row 1: .*", ran.error)


@pytest.mark.parametrize(
    ("source", "rows"),
    [
        ("images[y == 'grass']", 4),
        ("$images", 12),
        ("{images[:3]}", 3),
        ("paths", 12),
        ('"{folder}"', 12),
        ('"$folder/grass/*.png"', 4),
        ('"{folder}/**/0*.png"', 10),
        ("[Image.open(path) for path in paths[:2]]", 2),
        ("open(paths[0], 'rb').read().splitlines and [open(paths[0], 'rb').read()]", 1),
        ("__import__('pathlib').Path(folder)", 12),
    ],
)
def test_images_come_in_many_ways(notebook, source, rows):
    model = "" if " " not in source else "efficientnet_lite0 "
    assert notebook.value(f"X = %embed {model}{source} {_SMALL} -q\nlen(X)") == str(rows)


def test_other_models(notebook):
    notebook.run(
        "name = 'efficientnet_lite0'\nspec = __import__('skembed').backbones.get(name)"
    )
    for model in ("{name}", "$name", "$spec", "efficientnet_{name[13:]}"):
        ran = notebook.run(f"Y = %embed {model} images {_SMALL}\nnp.array_equal(A, Y)")
        assert ran.value == "True", model
        assert "12 images -> 40 features" in ran.text, model
        assert "efficientnet_lite0, stage1" in ran.text


def test_time_functions_and_loops(notebook):
    ran = notebook.run(f"%time T = %embed images {_SMALL}")
    assert "Wall time" in ran.streams
    source = f"""
def several(n):
    few, found = [images[i] for i in range(n)], {{}}
    for name in ["efficientnet_lite0"]:
        found[name] = %embed {{name}} [one for one in few if len(few)] {_SMALL} -q
    return found
several(3)["efficientnet_lite0"].shape
"""
    assert notebook.value(source) == "(3, 40)"
    assert "12 images" in notebook.run(f"%%time\nT = %embed images {_SMALL}").text
    ran = notebook.run(f"%%time\n%%embed {_SMALL} -o T3\nimages[:3]")
    assert "3 images" in ran.text
    assert "Wall time" in ran.streams
    assert notebook.value("T3.shape") == "(3, 40)"
    assert (
        notebook.run(f"%%capture said\n%%embed {_SMALL} -o T2\nimages[:2]").text.strip() == ""
    )
    assert notebook.value("T2.shape, len(said.outputs) > 0") == "((2, 40), True)"


def test_a_semicolon_hides_the_value_and_keeps_the_variable(notebook):
    ran = notebook.run(f"%embed images {_SMALL} -q;  # nothing is shown")
    assert not ran.data
    assert not ran.error
    ran = notebook.run(f"W = %embed images {_SMALL} -q;\nnp.array_equal(A, W)")
    assert ran.value == "True"
    assert not notebook.run(f"%time W2 = %embed images {_SMALL} -q;").error
    assert notebook.value("np.array_equal(A, W2)") == "True"


def test_a_frame_has_names_and_an_index(notebook):
    names = notebook.run(f"F = %embed paths {_SMALL} --frame -q\nlist(F.columns[[0, -1]])")
    assert names.value == "['stage1__000', 'stage2__023']"
    assert (
        notebook.value("list(F.index) == paths and set(F.dtypes.astype(str))") == "{'float32'}"
    )
    source = f"""
import pandas as pd
column = pd.Series(paths, index=range(50, 62))
G = %embed column {_SMALL} --frame -q -d -0.25,0.15
int(G.index[0]), set(G.dtypes.astype(str))
"""
    assert notebook.value(source) == "(50, {'int8'})"
    assert (
        notebook.value("H = %embed images -s 64 -l stage1 --frame -q\nlist(H.index[:2])")
        == "[0, 1]"
    )


def test_discretised_is_what_the_full_network_embedder_gives(notebook):
    source = """
from skembed import FullNetworkEmbedder
D = %embed images -s 64 -l stage1,stage2 -d -0.25,0.15 -q
full = FullNetworkEmbedder(layers=["stage1", "stage2"], image_size=64, engine="jax")
full = full.fit_transform(images)
str(D.dtype), bool((D == full).all())
"""
    assert notebook.value(source) == "('int8', True)"


def test_svm(notebook):
    ran = notebook.run(f"S = %embed images {_SMALL} -y y --svm")
    lines = ran.streams.splitlines()
    assert lines[0].startswith("Note: 4 folds instead of 5")
    assert re.match(r"LinearSVC: accuracy [01]\.\d{3} ± \d\.\d{3} \(mean ± sd of 4", lines[1])
    assert "baseline 0.333" in lines[1]
    assert lines[2] == "_clf is fitted on all 12 images."
    assert notebook.value("_clf.score(paths, y) == _clf.score(images, y) > 0.9") == "True"
    source = """
from sklearn.model_selection import StratifiedKFold, cross_val_score
folds = StratifiedKFold(4, shuffle=True, random_state=0)
scores = cross_val_score(_clf, images, y, cv=folds)
f"{scores.mean():.3f} ± {scores.std(ddof=1):.3f}"
"""
    assert notebook.value(source).strip("'") in lines[1]


def test_best_layers(notebook):
    line = "%embed images -s 64 -l stage1,stage2 -y y --best-layers --clf best"
    lines = notebook.run(f"S = {line}").streams.splitlines()
    assert re.match(r"Chosen layers: accuracy [01]\.\d{3} ± ", lines[1])
    assert re.match(r"Layers: [12] of 2: .*stage2 \(C=", lines[2])
    assert lines[3] == "best is fitted on all 12 images."
    assert notebook.value("best.score(images, y) > 0.9") == "True"


def test_svm_shows_the_confused_classes(notebook):
    """A brick wall that is called grass is shown, as a picture, unless quiet was asked for."""
    ran = notebook.run(f"wrong = ['grass', *y[1:]]\nS = %embed images {_SMALL} -y wrong --svm")
    (shown,) = [one["text/html"] for one in ran.data if "skembed-gallery" in str(one)]
    assert "grass, taken for brick: 1 image" in shown
    assert 'src="data:image/' in shown
    ran = notebook.run(f"S = %embed images {_SMALL} -y wrong --svm -q")
    assert ran.data == []
    assert "LinearSVC: accuracy" in ran.streams


def test_svm_standardises_within_the_folds(notebook):
    ran = notebook.run(
        f"S = %embed images {_SMALL} -y y --svm -d -0.25,0.15 --clf mine --no-cache"
    )
    assert "mine is fitted on all 12 images." in ran.streams
    assert notebook.value("type(mine['emb']).__name__, mine['emb'].lower") == (
        "('FullNetworkEmbedder', -0.25)"
    )
    assert notebook.value("bool((mine['emb'].transform(images) == S).all())") == "True"
    source = """
from sklearn.model_selection import StratifiedKFold, cross_val_score
folds = StratifiedKFold(4, shuffle=True, random_state=0)
scores = cross_val_score(mine.set_params(emb__cache=True), images, y, cv=folds)
f"{scores.mean():.3f} ± {scores.std(ddof=1):.3f}"
"""
    assert notebook.value(source).strip("'") in ran.streams


def test_the_folders_of_a_folder_are_labels(notebook):
    ran = notebook.run(f'%embed "{{folder}}" {_SMALL} --svm;')
    assert "_clf is fitted on all 12 images." in ran.streams
    assert notebook.value("_clf.classes_.tolist()") == "['brick', 'coffee', 'grass']"


def test_a_cell_of_python(notebook):
    ran = notebook.run(
        f"%%embed efficientnet_lite0 -o C {_SMALL}\nimport math\nk = math.isqrt(9)\nimages[:k]"
    )
    assert "3 images -> 40 features" in ran.text
    assert notebook.value("C.shape, k") == "((3, 40), 3)"
    ran = notebook.run(f"%%embed {_SMALL} -q -y few_y --svm\nfew_y = y[:8]\nimages[:8]")
    assert ran.value.startswith("array([[")
    assert "_clf is fitted on all 8 images." in ran.streams


def test_a_cell_of_paths(notebook):
    source = f"""%%embed --paths -o P -y p_y {_SMALL} --svm
# two ways to quote, and files
"{{folder}}/brick/*.png"   brick

'{{folder}}/coffee/*.png'  a cup of coffee
$folder/grass/04.png  grass
$folder/grass/05.png  grass
"""
    ran = notebook.run(source)
    assert "_clf is fitted on all 10 images." in ran.streams
    assert notebook.value("P.shape[0] * (len(p_y) == 10), sorted(set(p_y.tolist()))") == (
        "(10, ['a cup of coffee', 'brick', 'grass'])"
    )
    for lines, flags, says in (
        ("{folder}/brick a\n{folder}/grass", "-y z", "Line 2 has no label"),
        ("{folder}/brick\n{folder}/grass", "-y z", "-y needs labels"),
        ("{folder}/brick\n{folder}/grass", "--svm", "--svm needs labels"),
        ("{folder}/brick a", "-o P", "-y NAME keeps them"),
    ):
        assert says in notebook.run(f"%%embed --paths {flags} {_SMALL}\n{lines}").error


def test_tables(notebook):
    ran = notebook.run("%embed")
    assert "text/html" in ran.data[-1]
    assert "efficientnet_lite0" in ran.value
    assert "text/html" in notebook.run("%embed layers").data[-1]
    ran = notebook.run("%embed cache")
    assert "text/html" in ran.data[-1]
    assert "efficientnet_lite0" in ran.value


def test_demo(notebook):
    ran = notebook.run(f"%embed demo {_SMALL}")
    assert re.search(r"200 tiles of 90 x 90 pixels.* -> \d+ features", ran.text)
    assert re.search(r"accuracy 0\.\d{3} ± .* of 5 folds\); baseline 0\.100", ran.streams)
    assert "motorcycle" in ran.value
    assert "text/html" in ran.data[-1]


def test_errors_are_one_line_and_errors_of_the_cell(notebook):
    for cell in ("%embed imges", "%embed resnet5 images", "%embed images -l stage9"):
        ran = notebook.run(cell)
        assert "Traceback" not in ran.text + ran.error
        assert ran.error.count("\n") <= 1
        assert re.match(r"(UsageError|EmbedError): .*Did you mean '", ran.error), cell
    ran = notebook.run("%time X = %embed images -s 0")
    assert "UsageError: argument -s/--size: '0' is no size in pixels" in ran.text
