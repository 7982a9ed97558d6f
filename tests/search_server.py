"""The page's real server, in a thread of the test."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import uvicorn

from skembed.search import SearchFolder
from skembed.search.server import bind, make_app


@contextlib.contextmanager
def serving(folder: SearchFolder) -> Iterator[int]:
    """Serve an index; yield the port."""
    socket = bind(None)
    port = socket.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(make_app(folder, port), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join()
        socket.close()
