"""The house as docs/architecture.md draws it: arrows between folders point one way."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
from scipy.sparse.csgraph import connected_components

import skembed
from skembed import _choices, engines

PACKAGE = Path(skembed.__file__).parent
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
# Each folder, and the folders that its modules import; the modules beside them, which all may
# use, import none.
ARROWS = {
    "images": set(),
    "store": set(),
    "backbones": set(),
    "formats": {"images", "backbones"},
    "layers": {"images", "backbones", "formats"},
    "engines": {"images", "store", "backbones", "formats"},
    "extraction": {"images", "store", "backbones", "formats", "layers", "engines"},
    "distributed": {"images", "extraction"},
    "estimators": {
        "images",
        "store",
        "backbones",
        "formats",
        "layers",
        "engines",
        "extraction",
        "distributed",
    },
    "_saving": {"backbones"},
    "search": {"images", "estimators"},
    "evaluation": {"images", "extraction", "estimators", "search"},
    "inspection": {
        "images",
        "formats",
        "layers",
        "extraction",
        "estimators",
        "evaluation",
    },
    "exporting": {"images", "backbones", "formats", "engines", "extraction", "estimators"},
    "widgets": {"images", "estimators", "evaluation", "inspection"},
    "bigml": {"images", "formats", "exporting"},
    "testing": set(),
    "tflite": {"images", "backbones", "formats", "extraction", "estimators"},
}
# Names of which a parameter is one; a choice of a single name tells nothing.
CHOICES = {
    name: value
    for name, value in vars(_choices).items()
    if isinstance(value, tuple) and len(value) > 1
}
# Where the names of engines are those of libraries.
ABOUT_LIBRARIES = {
    "_config.py",
    "_jax.py",
    "_keras.py",
    "bigml/_convert.py",
    "engines/openvino/_export/__main__.py",
    "exporting/_formats.py",
    "formats/keras/_code_digest.py",
}
# There a format of a file that is written says its suffix itself.
FILES_WRITTEN = {
    "exporting/_formats.py",
    "exporting/_keras_file.py",
    "exporting/_tensorflow/_formats.py",
}
_LIBRARY = {*ARROWS, "skembed"} - {"testing"}
ARROWS |= {"cli": _LIBRARY, "notebook": _LIBRARY}


def test_arrows_between_folders_are_those_drawn():
    found = {
        (folder, target)
        for path in sources()
        if (folder := path.relative_to(PACKAGE).parts[0]) in ARROWS
        for target in imported(path)
        if target in {*ARROWS, "skembed"} and target != folder
    }
    drawn = {(folder, target) for folder, targets in ARROWS.items() for target in targets}
    faces = ("cli", "notebook")
    assert found - drawn == set()
    assert {arrow for arrow in drawn - found if arrow[0] not in faces} == set()


def test_arrows_lead_nowhere_in_a_circle():
    TopologicalSorter(ARROWS).prepare()


def test_no_modules_import_each_other_in_a_circle():
    names = {module_of(path): path for path in sources() if path.name != "__main__.py"}
    del names["skembed"]  # which imports public names when they are first used
    order = list(names)
    links = np.zeros((len(order), len(order)), bool)
    for name, path in names.items():
        for other in set(imported_modules(path)) & set(names) - {name}:
            links[order.index(name), order.index(other)] = True
    _, circle_of = connected_components(links, connection="strong")
    circles = [
        [order[i] for i in np.flatnonzero(circle_of == circle)] for circle in set(circle_of)
    ]
    assert [c for c in circles if len(c) > 1] == []


def test_modules_beside_the_folders_import_none_of_them():
    wrong = {
        (path.name, target)
        for path in PACKAGE.glob("*.py")
        if path.name not in ("__init__.py", "__main__.py")
        for target in imported(path)
        if target in ARROWS
    }
    assert wrong == set()


def test_no_engine_is_named_outside_its_folder():
    """Who asks for a name must be changed for the next engine: engines answer for themselves."""
    assert {"jax", "openvino"} <= set(engines.names())
    named = re.compile(rf"\b({'|'.join(engines.names())})\b")
    found = [
        (place, node.lineno, node.value)
        for path in sources()
        if (place := path.relative_to(PACKAGE).as_posix()) not in ABOUT_LIBRARIES
        for node in strings(path)
        for name in named.findall(node.value)
        if not place.startswith(f"engines/{name}/")
    ]
    assert found == []


def test_every_folder_has_its_arrows():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ARROWS)


def test_one_module_imports_what_scikit_learn_does_not_promise():
    users = {
        path.name
        for path in sources()
        for name in imported_names(path)
        if name[0] == "sklearn" and any(part.startswith("_") for part in name)
    }
    assert users == {"_sklearn_compat.py"}


def test_choices_are_spelled_in_one_module():
    spelled = {
        (name, path.name)
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Tuple | ast.List | ast.Set)
        for name, choice in CHOICES.items()
        if set(choice) <= {one.value for one in node.elts if isinstance(one, ast.Constant)}
    }
    assert spelled == {(name, "_choices.py") for name in CHOICES}


def test_command_and_magic_make_embedders_by_one_function():
    calls = {
        path.relative_to(PACKAGE).as_posix()
        for path in sources()
        if path.parent.name in ("cli", "notebook")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "PretrainedEmbedder"
    }
    assert calls == set()


def test_benchmarks_import_what_there_is():
    """They are run by hand, and would notice a move too late."""
    missing = {
        (path.name, f"{node.module}.{alias.name}")
        for path in BENCHMARKS.rglob("*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skembed.")
        for alias in node.names
        if not has_name(PACKAGE.parent.joinpath(*str(node.module).split(".")), alias.name)
    }
    assert missing == set()


def has_name(module: Path, name: str) -> bool:
    """Whether a module defines, imports or contains something of that name."""
    if (module / name).is_dir() or (module / f"{name}.py").exists():
        return True
    file = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    return file.exists() and any(
        name in {getattr(node, "name", None), getattr(node, "asname", None)}
        or (isinstance(node, ast.Name) and node.id == name)
        for node in ast.walk(tree(file))
    )


@functools.cache
def sources() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


@functools.cache
def tree(path: Path) -> ast.Module:
    """What a module says."""
    return ast.parse(path.read_text(encoding="utf-8"))


def strings(path: Path) -> Iterator[ast.Constant]:
    """Every string of a module that is not a docstring."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree(path)):
        is_string = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_string and id(node) not in docstrings:
            yield node


def module_of(path: Path) -> str:
    """The dotted name of a module."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(path: Path) -> Iterator[list[str]]:
    """Every dotted name that a module imports, inside functions and for types as well."""
    package = ("skembed", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            yield from ([*base, alias.name] for alias in node.names)


def imported_modules(path: Path) -> Iterator[str]:
    """The modules of ours that a module imports, or imports something from."""
    for name in imported_names(path):
        whole = PACKAGE.parent.joinpath(*name)
        is_module = whole.is_dir() or whole.with_suffix(".py").exists()
        yield ".".join(name if is_module else name[:-1])


def imported(path: Path) -> Iterator[str]:
    """The folders, or modules beside them, that a module imports.

    Where it imports a public name of the package itself, that is ``"skembed"``.
    """
    for name in imported_names(path):
        if name[0] == "skembed":
            is_part = len(name) > 1 and (
                (PACKAGE / name[1]).is_dir() or (PACKAGE / f"{name[1]}.py").exists()
            )
            yield name[1] if is_part else "skembed"


# ``.json`` is left out: much that is no network ends so.
MODEL_SUFFIX = re.compile(r"\.(weights\.h5|keras|h5|hdf5|onnx|pb|pt|pth|safetensors|tflite)")


def test_formats_alone_know_suffixes_and_compare_origins():
    found = [
        (module_of(path), ast.unparse(node))
        for path in sources()
        if path.relative_to(PACKAGE).parts[0] != "formats"
        and path.relative_to(PACKAGE).as_posix() not in FILES_WRITTEN
        for node in ast.walk(tree(path))
        if is_suffix_of_a_model(node) or looks_at_an_origin(node)
    ]
    assert found == []


def is_suffix_of_a_model(node: ast.AST) -> bool:
    """Whether it is the text ``".keras"`` or the like, and not a sentence that has it."""
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_text and MODEL_SUFFIX.fullmatch(node.value) is not None


def looks_at_an_origin(node: ast.AST) -> bool:
    """Whether `origin` of a backbone is compared, or one of its methods is called.

    ``args.origin`` is the command's option, for the column of the table.
    """
    if isinstance(node, ast.Compare):
        parts = [node.left, *node.comparators]
    elif isinstance(node, ast.Call):
        parts = [node.func.value] if isinstance(node.func, ast.Attribute) else []
    elif isinstance(node, ast.Match):
        parts = [node.subject]
    else:
        return False
    return any(
        isinstance(part, ast.Attribute)
        and part.attr == "origin"
        and ast.unparse(part.value) != "args"
        for part in parts
    )
