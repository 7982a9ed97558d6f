"""What holds for every widget in a page."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

NARROW = {"width": 400, "height": 900}  # pixels: a phone's


def check_width(widget: Locator) -> None:
    """In a narrow page, nothing of the widget is cut off or lies beside what is seen."""
    widget.page.set_viewport_size(NARROW)
    widths = widget.evaluate("root => [root.scrollWidth, root.clientWidth]")
    assert widths[0] <= widths[1] <= NARROW["width"]


def check_ended_kernel(notebook, widget: Locator) -> None:
    """A widget whose kernel has ended says so."""
    notebook.restart()
    expect(widget.get_by_role("alert")).to_contain_text("The kernel has ended")
