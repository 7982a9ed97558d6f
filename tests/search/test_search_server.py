"""The page's server: what it answers, and whom it refuses."""

from __future__ import annotations

import http.client
import io
import json

import numpy as np
import pytest
from PIL import Image
from search_server import serving

from skembed import ImageSearch
from skembed.search import SearchFolder
from skembed.search.server import bind

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def port(embedder, paths, pictures, tmp_path_factory):
    """Eleven pictures with files of their own, one without, and one that is gone."""
    directory = tmp_path_factory.mktemp("served") / "index"
    folder = SearchFolder(directory, ImageSearch(embedder))
    file = io.BytesIO()
    Image.fromarray(pictures[11]).save(file, "PNG")
    gone = tmp_path_factory.mktemp("gone") / "gone.png"
    Image.fromarray(pictures[0][::-1]).save(gone)
    pairs = [(path, path) for path in paths[:11]]
    folder.put([*pairs, ("archive.zip/<b>.png", file.getvalue()), (str(gone), str(gone))])
    gone.unlink()
    with serving(SearchFolder.open(directory)) as port:
        yield port


@pytest.fixture
def ask(port):
    def run(path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(data) if is_json else data

    return run


def test_a_picture_finds_its_neighbours(ask, paths):
    with open(paths[4], "rb") as file:  # noqa: PTH123
        status, said = ask("/api/query?top=3", "POST", file.read())
    assert status == 200
    assert said["neighbours"][0]["name"] == paths[4]
    assert said["neighbours"][0]["distance"] == 0
    assert {one["id"] for one in said["neighbours"][:3]} <= {4, 5, 6, 7}


def test_images_of_the_index_find_theirs(ask):
    status, said = ask("/api/images/4/neighbours?top=2")
    assert status == 200
    assert {one["id"] for one in said["neighbours"]} <= {5, 6, 7}
    status, said = ask("/api/like?top=3", "POST", json.dumps({"like": [0, 1], "unlike": [8]}))
    assert {2, 3} <= {one["id"] for one in said["neighbours"]}
    assert ask("/api")[1]["n_images"] == 13
    named = ask("/api/images?from=11&count=9")[1]["images"]
    assert named[0] == {"id": 11, "name": "archive.zip/<b>.png"}


def test_pictures_are_small_jpegs(ask, pictures):
    for identity in (9, 11):  # with a file, and without
        status, data = ask(f"/api/images/{identity}/picture")
        assert status == 200
        with Image.open(io.BytesIO(data)) as picture:
            assert picture.format == "JPEG"
            assert max(picture.size) <= 240
            difference = np.asarray(picture, float) - pictures[identity]
        assert np.abs(difference).mean() < 12


@pytest.mark.parametrize(
    "path",
    [
        "/api/images/99/picture",
        "/api/images/12/picture",  # whose file is gone
        "/api/images/4/picture?side=500",
        "/api/images/-1/picture",
        "/api/images/..%2f..%2fetc%2fpasswd/picture",
        "/../../etc/passwd",
        "//etc/passwd",
        "/page.py",
    ],
)
def test_what_is_no_picture_of_the_index_is_not_served(ask, path):
    status, said = ask(path)
    assert status == 404
    assert b"root:" not in (said if isinstance(said, bytes) else json.dumps(said).encode())


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "{port}.evil.example:{port}"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_foreign_pages_are_refused(ask, port, headers):
    headers = {name: value.replace("{port}", str(port)) for name, value in headers.items()}
    for path, method in (("/", "GET"), ("/api/images/4/picture", "GET"), ("/api/like", "POST")):
        assert ask(path, method, **headers)[0] == 403


def test_its_own_page_is_not_refused(ask, port):
    own = {"Origin": f"http://localhost:{port}", "Sec_Fetch_Site": "same-origin"}
    assert ask("/api", Host=f"localhost:{port}", **own)[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/api/query", b"no picture", 422, "not an image"),
        ("/api/query", b"", 422, "empty"),
        ("/api/query", bytes(33 * 2**20), 413, "32 MB"),
        ("/api/like", b"[" * 100_000, 422, "Send"),
        ("/api/like", b'{"like": [true]}', 422, "Send"),
        ("/api/like", b'{"like": [1], "path": "/etc/passwd"}', 422, "Send"),
        ("/api/like", b'{"like": [99]}', 422, "images of the index only"),
        ("/api/like", b'{"like": []}', 422, "at least one"),
        ("/api/like", b'{"like": [1], "unlike": [1]}', 422, "zeros"),
    ],
)
def test_wrong_questions_are_told(ask, path, body, status, said):
    answer = ask(path, "POST", body)
    assert answer[0] == status
    assert said in answer[1]["error"]


def test_every_answer_says_what_a_browser_may_do(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert b"<title>Search images</title>" in answer.read()
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers
    connection.close()


def test_it_listens_to_this_machine_alone_and_takes_the_next_port():
    with bind(None) as one, bind(None) as other:
        assert one.getsockname()[0] == "127.0.0.1"
        assert one.getsockname()[1] != other.getsockname()[1]
        with pytest.raises(OSError, match="is taken"):
            bind(one.getsockname()[1])
