"""A real HTTP server on this machine, well behaved and otherwise."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.server
import re
import select
import socket
import ssl
import threading
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

import skimage

ROCKET = Path(skimage.__file__).parent / "data" / "rocket.jpg"
DATA = ROCKET.read_bytes()
MANY = 2**18


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.over = [], threading.Event()
        self.port = self.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def handle_error(self, *args):
        """Clients that hang up are no error here."""


@contextlib.contextmanager
def running(certificate=None):
    server = Server()
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.url = f"https://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"Content_Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        self.page = re.sub("^http://[^/]*", "", self.path)  # a proxy is asked for whole URLs
        name = re.match(r"/?(\w*)", self.page)[1]
        page = getattr(self, f"page_{name}", None)
        # The client may hang up, as some of these tests want it to.
        with contextlib.suppress(OSError):
            page() if page else self.answer(404)
        # No thread may outlive its test in a half-read connection.
        self.close_connection = self.close_connection or name != "rocket"

    def do_CONNECT(self):
        """Be a proxy, to a server on this machine whatever its name; refuse port 503."""
        self.server.seen.append((self.path, dict(self.headers)))
        port = int(self.path.rpartition(":")[2])
        if port == 503:
            self.send_response_only(503, "\x1b[2J")
            self.end_headers()
            return
        with socket.create_connection(("127.0.0.1", port)) as far:
            self.send_response_only(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.exchange(far)
        self.close_connection = True

    def exchange(self, far):
        other = {far: self.connection, self.connection: far}
        while not self.server.over.is_set():
            ready, _, _ = select.select(list(other), [], [], 0.1)
            for end in ready:
                data = end.recv(2**16)
                if not data:
                    return
                other[end].sendall(data)

    def page_rocket(self):
        self.answer(200, DATA)

    def page_empty(self):
        self.answer(200)

    def page_gone(self):
        self.answer(410)

    def page_browsers(self):
        """Let pass what calls itself as browsers do."""
        known = self.headers["User-Agent"].startswith("Mozilla/5.0 ")
        self.answer(200 if known else 403, DATA if known else b"")

    def page_forbidden(self):
        self.answer(403)

    def page_broken(self):
        self.answer(503)

    def page_flaky(self):
        first = sum(path == "/flaky" for path, _ in self.server.seen) == 1
        self.answer(503 if first else 200, b"" if first else DATA)

    def page_moved(self):
        self.answer(302, Location="/rocket.jpg")

    def page_tofile(self):
        self.answer(302, Location=ROCKET.as_uri())

    def page_round(self):
        self.answer(301, Location="/round")

    def page_large(self):
        self.answer(200, Content_Length=10**12)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def page_chunks(self):
        self.answer(200, Content_Length=None, Transfer_Encoding="chunked")
        for _ in range(8):
            self.chunk(bytes(MANY))
        self.chunk(b"")

    def page_whole(self):
        self.answer(200, Content_Length=None, Transfer_Encoding="chunked")
        for start in range(0, len(DATA), 1000):
            self.chunk(DATA[start : start + 1000])
        self.chunk(b"")

    def page_zip(self):
        self.answer(200, gzip.compress(bytes(8 * MANY)), Content_Encoding="gzip")

    def page_zipped(self):
        self.answer(200, gzip.compress(DATA), Content_Encoding="gzip")

    def page_strange(self):
        self.answer(200, DATA, Content_Encoding="br, gzip")

    def page_short(self):
        self.answer(200, DATA[:1000], Content_Length=len(DATA))
        self.close_connection = True

    def page_silent(self):
        self.server.over.wait(20)

    def page_drip(self):
        self.answer(200, Content_Length=len(DATA))
        self.drip()

    def page_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        self.drip()

    def page_continue(self):
        self.drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0)

    def page_trailers(self):
        self.answer(200, Content_Length=None, Transfer_Encoding="chunked")
        self.chunk(DATA)
        self.wfile.write(b"0\r\n")
        self.drip(b"X-Trailer: more\r\n", 0)

    def drip(self, drop=b"x", pause=0.05):
        """Send for ever, until the client hangs up or the test is over."""
        while not self.server.over.wait(pause):
            self.wfile.write(drop)
            self.wfile.flush()

    def page_to(self):
        """Redirect to what comes after /to/ in the path, percent-encoded."""
        self.answer(302, Location=unquote(self.page.removeprefix("/to/"), "latin-1"))

    def page_raw(self):
        """Send what comes after /raw/ in the path, percent-encoded, and nothing else."""
        self.wfile.write(unquote_to_bytes(self.page.removeprefix("/raw/")))
        self.close_connection = True

    def page_private(self):
        """Want me:pass word as user and password."""
        wanted = "Basic " + base64.b64encode(b"me:pass word").decode()
        known = self.headers.get("Authorization") == wanted
        self.answer(200 if known else 401, DATA if known else b"")
