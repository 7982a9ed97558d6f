"""The page of ``skembed search serve``, driven in a real browser: drop, choose, click, keyboard."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import expect
from search_server import serving

from skembed import ImageSearch, PretrainedEmbedder
from skembed.search._folder import SearchFolder

pytestmark = pytest.mark.slow  # a browser, and a network behind the page

_DROP = """async ([data, kind]) => {
    const bytes = Uint8Array.from(atob(data), character => character.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], 'dropped.png', { type: 'image/png' }));
    const event = kind === 'paste'
        ? new ClipboardEvent('paste', { clipboardData: carried, bubbles: true })
        : new DragEvent('drop', { dataTransfer: carried, bubbles: true });
    document.body.dispatchEvent(event); }"""


@pytest.fixture(scope="module")
def address(paths, tmp_path_factory):
    embedder = PretrainedEmbedder(image_size=64, engine="jax")
    folder = SearchFolder(tmp_path_factory.mktemp("index"), ImageSearch(embedder))
    folder.put([(path, path) for path in paths])
    with serving(folder) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(params=["light", "dark"])
def page(request, browser, address):
    """The page, 400 pixels wide; it must not have complained in the end."""
    with browser.new_context(
        viewport={"width": 400, "height": 800}, color_scheme=request.param
    ) as context:
        context.set_default_timeout(20_000)
        opened = context.new_page()
        complaints = []
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        opened.goto(address)
        expect(opened.locator("#found li")).to_have_count(12)
        yield opened
        # The answer to the picture that is none.
        assert [one for one in complaints if "status of 422" not in one] == []


def _names(page):
    return page.locator("#found .name").all_inner_texts()


def test_chosen_dropped_and_pasted_pictures_are_looked_for(page, paths):
    status, first = page.locator("#status"), page.locator("#found .name").first
    page.set_input_files("#file", paths[5])
    expect(status).to_have_text("Images like 05.png")
    expect(first).to_have_text("05.png")
    assert page.locator("#found .distance").first.inner_text() == "0.000"
    for kind, path in (("drop", paths[9]), ("paste", paths[2])):
        with open(path, "rb") as file:  # noqa: PTH123
            page.evaluate(_DROP, [base64.b64encode(file.read()).decode(), kind])
        expect(first).to_have_text(path[-6:])
        expect(status).to_have_text("Images like dropped.png")
        expect(page.locator("#picture")).to_be_visible()
    page.set_input_files("#file", {"name": "no.png", "mimeType": "image/png", "buffer": b"no"})
    expect(status).to_contain_text("not an image")
    # The page is as wide as the window, and every picture is there.
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    for image in page.locator("#found img").all():
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") > 0


def test_clicks_and_keys_do_the_same(page):
    status = page.locator("#status")
    page.get_by_title("More like 04.png").click()
    expect(status).to_have_text("Like 1, and less like 0")
    assert set(_names(page)[:3]) == {"05.png", "06.png", "07.png"}
    page.get_by_title("Less like 08.png").click()
    expect(status).to_have_text("Like 1, and less like 1")
    expect(page.locator("#liked button")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(status).to_contain_text("All images: 12 of 12")
    expect(page.locator("#chosen")).to_be_hidden()

    page.locator("body").press("ArrowDown")  # to the first, then one down and one right
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.title").endswith("03.png")
    page.keyboard.press("Enter")
    expect(status).to_have_text("Images like 03.png")
    expect(page.locator("#found .name").first).to_have_text("03.png")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    expect(status).to_have_text("Like 1, and less like 0")
    page.keyboard.press("-")
    expect(status).to_have_text("Like 1, and less like 1")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "plus"
