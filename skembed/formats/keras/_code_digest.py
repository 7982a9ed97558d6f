"""A digest of Python code and of the values it can reach, as far as both can be known.

Bytecode, constants, defaults, closures, globals by the names the code uses, classes, and the
attributes of objects. Libraries are named and not entered: their versions are known elsewhere.
"""

from __future__ import annotations

import builtins
import dis
import functools
import hashlib
import sys
import types
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any

import numpy as np

from ..._errors import is_out_of_memory

# What is not entered. A module that is run as a program is called __main__, and is entered.
_LIBRARIES = frozenset({"jax", "jaxlib", "keras", "numpy", "scipy", *sys.stdlib_module_names})
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), np.generic, np.dtype)
# Of classes: what differs between two runs of the same code, or says nothing of it.
_SKIPPED = (
    *("__module__", "__doc__", "__dict__", "__weakref__", "__qualname__", "__firstlineno__"),
    *("__annotations__", "__annotate__", "__annotate_func__", "__static_attributes__"),
    *("__abstractmethods__", "_abc_impl"),
)
# Enough for any model; a whole library that some code reaches is not read to its end.
_MAX_VALUES = 20_000


def library(module: str | None) -> str:
    """The library that a module of this name belongs to; empty for a user's own."""
    root = (module or "").partition(".")[0]
    return root if root in _LIBRARIES else ""


class CodeDigest:
    """A sha256 of code and values, fed one by one; equal code gives it in any process."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._seen: dict[int, int] = {}
        self._held: list[Any] = []  # or an id might be given out again

    def hexdigest(self) -> str:
        """The digest of all that was added."""
        return self._hash.hexdigest()

    def put(self, *facts: Any) -> None:
        """Add the texts of `facts`, kept apart."""
        for fact in facts:
            data = fact if isinstance(fact, bytes) else repr(fact).encode()
            self._hash.update(len(data).to_bytes(8, "little") + data)

    def add(self, value: Any) -> None:
        """Add a value of any kind, and what it reaches."""
        if isinstance(value, _PLAIN):
            self.put(type(value).__name__, value)
        elif id(value) in self._seen:
            self.put("again", self._seen[id(value)])
        elif len(self._seen) < _MAX_VALUES:
            self._seen[id(value)] = len(self._seen)
            self._held.append(value)
            self._enter(value)

    def _enter(self, value: Any) -> None:
        for kinds, add in _KINDS:
            if isinstance(value, kinds):
                return add(self, value)
        if hasattr(value, "shape") and hasattr(value, "dtype"):
            return self._array(value)
        return self._object(value)

    def _array(self, array: Any) -> None:
        try:
            values = np.asarray(getattr(array, "value", array))
        # A tracer that outlived its function, a symbolic tensor.
        except Exception as error:
            if is_out_of_memory(error):  # it would be known without its values
                raise
            return self.put("no array", type(array).__name__)
        return self._values(values)

    def _values(self, values: np.ndarray) -> None:
        self.put("array", str(values.dtype), values.shape)
        if values.dtype.hasobject:
            self.add(values.tolist())
        else:
            self.put(np.ascontiguousarray(values).tobytes())

    def _sequence(self, values: Any) -> None:
        self.put("sequence", len(values))
        for value in values:
            self.add(value)

    def _mapping(self, values: Any) -> None:
        self.put("mapping", len(values))
        for name, value in values.items():
            self.add(name)
            self.add(value)

    def _set(self, values: Any) -> None:
        self.put("set", sorted(digest_of(value) for value in values))

    def _code(self, code: types.CodeType) -> None:
        self.put("code", code.co_code, code.co_argcount, code.co_kwonlyargcount, code.co_flags)
        self.put(code.co_names, code.co_varnames, code.co_freevars, code.co_exceptiontable)
        self._sequence(code.co_consts)

    def _function(self, function: types.FunctionType) -> None:
        if home := library(function.__globals__.get("__name__")):
            self.put("function", home, function.__qualname__)
        else:
            self.put("function")
            self.add(function.__code__)
            self.add(function.__defaults__)
            self.add(function.__kwdefaults__)
            for name, value in _globals_used(function):
                self.put(name)
                self.add(value)
        for cell in function.__closure__ or ():
            self.add(_content(cell))
        self.add(vars(function))

    def _method(self, method: types.MethodType) -> None:
        self.add(method.__func__)
        self.add(method.__self__)

    def _partial(self, partial: functools.partial[Any]) -> None:
        self._sequence([partial.func, partial.args, partial.keywords])

    def _property(self, value: property) -> None:
        self._sequence([value.fget, value.fset])

    def _wrapped(self, value: Any) -> None:
        self.add(value.__func__)

    def _named(self, value: Any) -> None:
        self.put(type(value).__name__, getattr(value, "__name__", ""))

    def _text(self, value: Any) -> None:
        self.put(type(value).__name__, str(value))

    def _class(self, class_: type) -> None:
        for base in class_.__mro__:
            home = library(base.__module__)
            self.put("class", home, base.__qualname__ if home else base.__name__)
            for name, value in vars(base).items():
                if is_patch(value) if home else name not in _SKIPPED:
                    self.put(name)
                    self.add(value)

    def _object(self, value: Any) -> None:
        self.add(type(value))
        if hasattr(value, "__wrapped__"):  # as jax.jit leaves it
            self.add(value.__wrapped__)
        if type(value).__name__ == "SeedGenerator":
            return  # a seed that was not chosen differs between processes
        for name, attribute in _attributes(value):
            self.put(name)
            self.add(attribute)


_KINDS: tuple[tuple[Any, Any], ...] = (
    (types.FunctionType, CodeDigest._function),
    (types.CodeType, CodeDigest._code),
    (types.MethodType, CodeDigest._method),
    (functools.partial, CodeDigest._partial),
    (property, CodeDigest._property),
    ((staticmethod, classmethod), CodeDigest._wrapped),
    ((types.BuiltinFunctionType, types.ModuleType, np.ufunc), CodeDigest._named),
    (PurePath, CodeDigest._text),
    (type, CodeDigest._class),
    ((dict, types.MappingProxyType), CodeDigest._mapping),
    ((list, tuple), CodeDigest._sequence),
    ((set, frozenset), CodeDigest._set),
)


def digest_of(value: Any) -> str:
    """The digest of one value and of what it reaches."""
    digest = CodeDigest()
    digest.add(value)
    return digest.hexdigest()


def is_patch(value: Any) -> bool:
    """Whether a method of a library's class was replaced by other code."""
    function = getattr(value, "__func__", getattr(value, "fget", value))
    return isinstance(function, types.FunctionType) and not library(
        function.__globals__.get("__name__")
    )


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an object that may change what its methods compute."""
    home = library(type(value).__module__)
    if home and home not in ("keras", "types"):
        yield "", _reduced(value)
        return
    skipped = keras_attributes() if _is_layer(value) else frozenset()
    for name, attribute in getattr(value, "__dict__", {}).items():
        if name not in skipped:
            yield name, attribute
    for base in type(value).__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if hasattr(value, name) and name not in ("__dict__", "__weakref__"):
                yield name, getattr(value, name)


def _reduced(value: Any) -> list[Any]:
    """What a copy of a library's object is made of: a slice's bounds, a deque's items."""
    try:
        reduced = value.__reduce_ex__(4)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a lock or a file, whose state is another in each process
        return []
    if isinstance(reduced, str):
        return [reduced]
    return [list(part) if isinstance(part, Iterator) else part for part in reduced]


def _is_layer(value: Any) -> bool:
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(value, keras.layers.Layer)


@functools.cache
def keras_attributes() -> frozenset[str]:
    """The attributes that Keras itself gives every layer and model, and that change no number."""
    keras = sys.modules["keras"]
    layer = keras.layers.Identity(name="layer")
    image = keras.Input((2,), name="image")
    functional = keras.Model(image, layer(image), name="functional")
    chain = [keras.Input((2,), name="image"), keras.layers.Identity(name="layer")]
    sequential = keras.Sequential(chain, name="chain")
    known = {*vars(layer), *vars(functional), *vars(sequential)}
    for model in (functional, sequential):
        model.compile("sgd", "mse")
        known |= {*vars(model)}
    return frozenset(known | {"_build_input_shape", "input_spec"} - {"_dtype_policy"})


def _globals_used(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """The globals that a function names, and what it may take from modules it can reach."""
    names, seen = dict.fromkeys(_names(function.__code__)), set()
    for name in names:
        value = function.__globals__.get(name, vars(builtins).get(name))
        yield name, value
        yield from _taken(value, names, seen)
    for module in _imported(function):
        yield from _taken(module, names, seen)


def _taken(module: Any, names: Iterable[str], seen: set[int]) -> Iterator[tuple[str, Any]]:
    """What `names` are in a user's module, and in the modules that it names so."""
    known = not isinstance(module, types.ModuleType) or library(module.__name__)
    if known or id(module) in seen:
        return
    seen.add(id(module))
    for name in names:
        if name in vars(module):
            value = vars(module)[name]
            yield f"{module.__name__}.{name}", value
            yield from _taken(value, names, seen)


def _imported(function: types.FunctionType) -> Iterator[Any]:
    """The modules that a function imports itself, if they are loaded."""
    package = function.__globals__.get("__package__") or ""
    for code in _codes(function.__code__):
        for instruction in dis.get_instructions(code):
            if instruction.opname == "IMPORT_NAME":
                name = instruction.argval
                yield sys.modules.get(name)
                yield sys.modules.get(f"{package}.{name}".strip("."))  # from . import


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code, and that of the functions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _names(code: types.CodeType) -> Iterator[str]:
    for part in _codes(code):
        yield from part.co_names


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None
