"""What each address of the page's server answers; images are asked for by id, never by path."""

from __future__ import annotations

import contextlib
import functools
import json
import threading
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .._errors import ImageError
from ..images import load
from ..images._thumbnails import encode, media_type
from ._folder import SearchFolder

_MOST_BYTES = 32 * 2**20  # of an uploaded picture
_MOST_JSON = 2**20
_MOST_FOUND = 200
_SIDES = (240, 800)  # pixels of the pictures that are served
_CACHED = 2000  # small pictures, of some 10 kB


def error(status: int, text: str) -> Response:
    """Return an answer that says what is wrong."""
    return JSONResponse({"error": text}, status_code=status)


class Answers:
    """What each address answers with; distances and names as JSON.

    Parameters
    ----------
    folder : SearchFolder
        The index and its pictures.
    """

    def __init__(self, folder: SearchFolder):
        self._folder, self._search = folder, folder.search
        self._place = {identity: i for i, identity in enumerate(self._search.ids_.tolist())}
        self._one_at_a_time = threading.Lock()  # the network takes all cores
        self._small = functools.lru_cache(_CACHED)(self._thumbnail)

    def describe(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "n_images": len(self._place),
                "metric": self._search.metric_,
                "embedder": repr(self._search.embedder_).partition("  #")[0],
            }
        )

    def listing(self, request: Request) -> Response:
        begin = _number(request, "from", 0, len(self._place))
        count = _number(request, "count", 48, _MOST_FOUND)
        end = min(begin + count, len(self._place))
        return JSONResponse({"images": [self._named(i) for i in range(begin, end)]})

    def neighbours(self, request: Request) -> Response:
        place = self._place.get(request.path_params["identity"])
        if place is None:
            return error(404, "There is no such image in the index.")
        n = self._count(request, 1)
        squared, positions = self._search._table.nearest(
            self._search.rows_[place][None], min(n + 1, len(self._place))
        )
        distances = self._search._metric.from_squared(squared[0])
        pairs = zip(distances, positions[0], strict=True)
        return self._found([(d, p) for d, p in pairs if p != place][:n])

    def picture(self, request: Request) -> Response:
        place = self._place.get(request.path_params["identity"])
        side = _number(request, "side", _SIDES[0], max(_SIDES))
        if place is None or side not in _SIDES:
            return error(404, "There is no such picture.")
        try:
            data = (self._small if side == _SIDES[0] else self._thumbnail)(place, side)
        except (ImageError, OSError):
            return error(404, "The file of this image cannot be read any more.")
        return Response(data, media_type=media_type(data))

    async def query(self, request: Request) -> Response:
        data = await _body(request, _MOST_BYTES)
        if data is None:
            return error(413, f"A picture may have {_MOST_BYTES // 2**20} MB.")
        n = self._count(request)
        try:
            distances, positions = await run_in_threadpool(self._neighbors, data, n)
        except (ImageError, ValueError) as wrong:
            return error(422, str(wrong))
        if positions[0] < 0:
            return error(422, "This is no picture that can be read.")
        return self._found(zip(distances, positions, strict=True))

    async def like(self, request: Request) -> Response:
        data = await _body(request, _MOST_JSON)
        asked = None if data is None else _chosen(data)
        if asked is None:
            return error(422, 'Send {"like": [id, ...], "unlike": [id, ...]}.')
        places = [[self._place.get(one, -1) for one in ids] for ids in asked]
        if -1 in [*places[0], *places[1]] or not places[0]:
            return error(
                422, "Name at least one image to be like, and images of the index only."
            )
        liked, unlike = (_array(one) for one in places)
        n = self._count(request, len({*places[0], *places[1]}))
        try:
            distances, positions = await run_in_threadpool(self._search._like, liked, unlike, n)
        except ValueError as wrong:
            return error(422, str(wrong))
        return self._found(zip(distances, positions, strict=True))

    def _neighbors(self, data: bytes, n: int) -> tuple[Any, Any]:
        with self._one_at_a_time:
            distances, positions = self._search._neighbors([data], n)
        return distances[0], positions[0]

    def _thumbnail(self, place: int, side: int) -> bytes:
        return encode(load(self._folder.picture(place)), side)

    def _count(self, request: Request, less: int = 0) -> int:
        return max(0, min(_number(request, "top", 24, _MOST_FOUND), len(self._place) - less))

    def _named(self, place: int) -> dict[str, Any]:
        name = str(self._search.names_[place]).encode("utf-8", "backslashreplace").decode()
        return {"id": int(self._search.ids_[place]), "name": name}

    def _found(self, pairs: Any) -> Response:
        found = [{**self._named(int(p)), "distance": float(d)} for d, p in pairs]
        return JSONResponse({"neighbours": found})


async def _body(request: Request, most: int) -> bytes | None:
    """The body of a request; None where it is larger than allowed, and then it is not read."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            return None
        parts.append(part)
    return b"".join(parts)


def _chosen(data: bytes) -> tuple[list[int], list[int]] | None:
    with contextlib.suppress(ValueError, RecursionError):
        asked = json.loads(data)
        if isinstance(asked, dict) and set(asked) <= {"like", "unlike"}:
            lists = asked.get("like", []), asked.get("unlike", [])
            if all(isinstance(one, list) and all(type(i) is int for i in one) for one in lists):
                return lists
    return None


def _number(request: Request, name: str, usual: int, most: int) -> int:
    text = request.query_params.get(name, "")
    return min(int(text), most) if text.isdecimal() and len(text) < 10 else usual


def _array(places: list[int]) -> Any:
    return np.array(places, np.intp)
