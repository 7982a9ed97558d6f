"""A page for this machine alone: drop a picture, and see the images of the index that look like it.

It listens to 127.0.0.1. Any page of any site may send requests there, so a request is answered only
if its Host is the server's own, and its Origin, where there is one, too: the first keeps out names
that are made to point here, the second other sites' scripts.
"""

from __future__ import annotations

import functools
import socket as sockets
import threading
import webbrowser
from importlib.resources import files
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ._answers import Answers, error
from ._folder import SearchFolder

_HOST = "127.0.0.1"
_FIRST_PORT, _PORTS = 8080, 20
_PAGE = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_POLICY = "; ".join(
    [
        *("default-src 'self'", "img-src 'self' blob: data:", "frame-ancestors 'none'"),
        *("base-uri 'none'", "form-action 'none'"),
    ]
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]


def bind(port: int | None) -> sockets.socket:
    """Return a socket of this machine alone.

    Parameters
    ----------
    port : int or None
        None: 8080, or one of the next that is free.

    Raises
    ------
    OSError
        If the port is taken.
    """
    ports = range(_FIRST_PORT, _FIRST_PORT + _PORTS) if port is None else [port]
    for candidate in ports:
        made = sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM)
        made.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        try:
            made.bind((_HOST, candidate))
            made.listen(128)
        except OSError:
            made.close()
            continue
        return made
    raise OSError(f"Port {ports[0]} is taken: --port names another.")


def run(folder: SearchFolder, socket: sockets.socket, *, browse: bool) -> None:
    """Serve until the process is interrupted."""
    port = socket.getsockname()[1]
    config = uvicorn.Config(make_app(folder, port), log_level="warning", access_log=False)
    if browse:
        address = f"http://{_HOST}:{port}/"
        threading.Timer(1, webbrowser.open, [address]).start()
    uvicorn.Server(config).run(sockets=[socket])


def make_app(folder: SearchFolder, port: int) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    folder : SearchFolder
        The index and its pictures.
    port : int
        Where it is reached.
    """
    answers = Answers(folder)
    routes = [
        *(Route(path, functools.partial(_static, *named)) for path, named in _PAGE.items()),
        Route("/api", answers.describe),
        Route("/api/images", answers.listing),
        Route("/api/images/{identity:int}/neighbours", answers.neighbours),
        Route("/api/images/{identity:int}/picture", answers.picture),
        Route("/api/query", answers.query, methods=["POST"]),
        Route("/api/like", answers.like, methods=["POST"]),
    ]
    return _OwnPagesOnly(Starlette(routes=routes), port)


class _OwnPagesOnly:
    """Refuses requests that do not come from the page itself, or from no page at all.

    Parameters
    ----------
    app : ASGI application
        Who answers the others.
    port : int
        Of the server.
    """

    def __init__(self, app: ASGIApp, port: int):
        self._app = app
        self._hosts = {f"{name}:{port}".encode() for name in (_HOST, "localhost")}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if not self._is_own(scope["headers"]):
            refusal = error(403, "This page is for its own machine and address only.")
            return await refusal(scope, receive, send)

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            await send(message)

        return await self._app(scope, receive, send_with_headers)

    def _is_own(self, headers: list[tuple[bytes, bytes]]) -> bool:
        given: dict[bytes, set[bytes]] = {}
        for name, value in headers:
            given.setdefault(name, set()).add(value)
        return (
            given.get(b"host", set()) <= self._hosts
            and len(given.get(b"host", set())) == 1
            and given.get(b"origin", set()) <= self._origins
            and given.get(b"sec-fetch-site", set()) <= {b"same-origin", b"none"}
        )


def _static(name: str, kind: str, _request: Request) -> Response:
    return Response((files("skembed.search") / "_page" / name).read_bytes(), media_type=kind)
