"""The directive ``picture``: what ``docs/_pictures`` has made, for each theme and width.

    ```{picture} map
    What it shows, for those who cannot see it.
    ```

The build makes them first. Where it runs nothing (SKEMBED_DOCS_RUN=0) and they are not there, the
text stands in their place.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

PROGRAM = Path(__file__).parents[1] / "_pictures"


class Picture(Directive):
    """Four images, of which a stylesheet shows one."""

    required_arguments = 1
    has_content = True

    def run(self):
        """Give the images that there are."""
        name, text = self.arguments[0], " ".join(self.content)
        found = nodes.container(classes=["picture"])
        for width in ("wide", "narrow"):
            for theme in ("light", "dark"):
                file = PROGRAM / "made" / f"{name}-{width}-{theme}.png"
                if file.exists():
                    uri = f"/_pictures/made/{file.name}"
                    found += nodes.image(
                        uri=uri, alt=text, classes=[f"only-{theme}", f"only-{width}"]
                    )
        return [found if found.children else nodes.paragraph("", f"[{text}]")]


def make(app):
    """Make the pictures whose program has changed."""
    if app.config.make_pictures:
        subprocess.run([sys.executable, str(PROGRAM), "--changed"], check=True)


def setup(app):
    """Add the directive, and make the pictures before the pages are read."""
    app.add_config_value("make_pictures", True, "env")
    app.add_directive("picture", Picture)
    app.connect("builder-inited", make)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
