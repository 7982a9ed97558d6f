"""A real JupyterLab in a real browser, driven the way a person does.

    with jupyter_server(folder, log) as address:
        lab = Lab(browser.new_context(), address, folder)
        notebook = lab.open("x = 1", "x + 1")
        notebook.run_all()
        assert notebook.text(1) == "2"
        lab.check()

Everything stays on this machine: what asks for more is refused and remembered, and `Lab.check`
fails on it, as on errors in the console and on answers of 400 and above.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, expect
from playwright.sync_api import TimeoutError as NothingCame

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
BROWSER_OPTIONS = [
    "--no-sandbox",  # Chromium refuses to run as root with one
    # Nothing of the browser's own leaves the machine either.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
# What Notebook 7.6 says of itself, whatever a notebook holds.
OF_NOTEBOOK = (
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
)
_MINUTE = 60_000  # milliseconds, Playwright's unit; only what hangs takes as long
_PATIENCE, _TABS = 4_000, 15  # how long a person looks at nothing before Tab is pressed again
_SERVER_OPTIONS = [
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--IdentityProvider.token=",  # anyone on this machine may come in, while the test lasts
    "--ServerApp.password=",
    "--LabApp.expose_app_in_browser=True",  # as window.jupyterapp
    "--JupyterNotebookApp.expose_app_in_browser=True",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
    "--LabApp.extension_manager=readonly",
]
_OFFERED = ".jp-Completer:not(.lm-mod-hidden) .jp-Completer-item .jp-Completer-match"
# Questions to the page. `panel` is the notebook that is open.
_PANEL = "const panel = window.jupyterapp?.shell.currentWidget;"
_KERNEL_IS_IDLE = (
    f"() => {{ {_PANEL} return panel?.sessionContext?.session?.kernel?.status === 'idle'; }}"
)
_CELL_IS_IDLE = f"""([i, count]) => {{ {_PANEL}
    const now = panel.content.widgets[i].model.executionCount;
    return now !== null && now !== count
        && panel.sessionContext.session.kernel.status === 'idle'; }}"""
_CELLS = f"() => {{ {_PANEL} return panel.content.widgets.length; }}"
_COUNT = f"i => {{ {_PANEL} return panel.content.widgets[i].model.executionCount; }}"
_SOURCE = f"i => {{ {_PANEL} return panel.content.widgets[i].model.sharedModel.getSource(); }}"
_OUTPUTS = f"i => {{ {_PANEL} return panel.content.widgets[i].model.outputs.toJSON(); }}"
_ACTIVATE = f"""i => {{ {_PANEL}
    panel.content.activeCellIndex = i; panel.content.mode = 'edit';
    const editor = panel.content.widgets[i].editor; editor.focus();
    const line = editor.lineCount - 1;
    editor.setCursorPosition({{ line, column: editor.getLine(line).length }}); }}"""
_CHANGE_THEME = "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })"
_RESTART = f"() => {{ {_PANEL} return panel.sessionContext.session.kernel.restart(); }}"
_EVALUATE = f"""async code => {{ {_PANEL}
    const kernel = panel.sessionContext.session.kernel;
    let text = '';
    const asked = kernel.requestExecute({{ code, store_history: false }});
    asked.onIOPub = message => {{
        const content = message.content;
        if (message.header.msg_type === 'stream') text += content.text;
        if (message.header.msg_type === 'error') text += content.ename + ': ' + content.evalue;
    }};
    await asked.done;
    return text.trim(); }}"""


@contextmanager
def jupyter_server(
    folder: Path, own: Path, python: str = sys.executable, path: Sequence[str] = sys.path
) -> Iterator[str]:
    """Serve `folder` at the address given; settings and the log lie in `own`.

    Kernels are those of `python`, and import from `path`: what the tests import.
    """
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    _write_setting(own, "notification", fetchNews="false", checkForUpdates=False)
    _write_page_config(own)
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = {
        **os.environ,
        **{variable: str(own / name) for variable, name in places.items()},
        "PYTHONPATH": os.pathsep.join(path),
    }
    command = [python, "-m", "jupyterlab", *_SERVER_OPTIONS]
    command += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"]
    log = own / "server.log"
    with (
        log.open("wb") as written,
        subprocess.Popen(
            command, env=environment, stdout=written, stderr=written, start_new_session=True
        ) as process,
    ):
        try:
            _wait_for_answer(process, address, log)
            yield address
        finally:
            _stop(process)


class Lab:
    """One page of the browser, and what it did that it should not have done.

    Parameters
    ----------
    context : BrowserContext
        Where the page is opened. Pages of one share what the browser keeps of JupyterLab's files.
    address : str
        Of the server, from `jupyter_server`.
    folder : Path
        The folder that is served: `open` writes its notebooks there.
    kernel : str
        The name of the kernel of its notebooks, where these name no other.
    """

    def __init__(
        self, context: BrowserContext, address: str, folder: Path, kernel: str = "python3"
    ) -> None:
        self.address, self.folder, self._kernel = address, folder, kernel
        self.complaints: list[str] = []
        self._opened = 0
        self.page = context.new_page()
        # Watched, not routed: routing would turn the browser's cache off.
        self.page.on("request", lambda request: self._note_address(request.url))
        self.page.on("websocket", lambda socket: self._note_address(socket.url))
        self.page.on("response", self._note_response)
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self._complain("error in the page", error))

    def open(self, *cells: str, page: str = "lab/tree", kernel: str | None = None) -> Notebook:
        """A new notebook of code cells, its kernel ready; ``page="notebooks"`` is Notebook's."""
        import nbformat  # seconds, for whoever opens no notebook

        self._opened += 1
        path = self.folder / f"notebook-{os.getpid()}-{self._opened}.ipynb"
        nbformat.write(
            nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(source) for source in cells],
                metadata={
                    "kernelspec": {"name": kernel or self._kernel, "display_name": "Python 3"}
                },
            ),
            path,
        )
        self.page.goto(f"{self.address}/{page}/{path.name}?reset")
        self.page.wait_for_function(_KERNEL_IS_IDLE, timeout=_MINUTE)
        if page == "lab/tree":
            self.page.evaluate("jupyterapp.shell.collapseLeft()")
        return Notebook(self)

    def change_theme(self, theme: str) -> None:
        """Change the theme of the page that is open, as the menu does."""
        self.page.evaluate(_CHANGE_THEME, THEMES[theme])
        self.page.wait_for_selector(
            f"body[data-jp-theme-name='{THEMES[theme]}']", state="attached"
        )

    def screenshot(self, path: str | Path) -> None:
        """What a person sees now."""
        self.page.screenshot(path=path)

    def close(self) -> None:
        """Stop every kernel, and close the page."""
        self.page.evaluate("window.jupyterapp?.serviceManager.sessions.shutdownAll()")
        self.page.close()

    def check(self) -> None:
        """Fail if the page, since it was opened, did what it must not."""
        assert not self.complaints, "\n".join(self.complaints)

    def _complain(self, *words: object) -> None:
        self.complaints.append(" ".join(map(str, words)))

    def _note_address(self, url: str) -> None:
        ours = (self.address + "/", self.address.replace("http:", "ws:") + "/")
        if not url.startswith((*ours, "data:", "blob:")):
            self._complain("a request that leaves the server:", url)

    def _note_response(self, response: Any) -> None:
        if response.status >= 400:
            self._complain(response.status, response.url)

    def _note_message(self, message: Any) -> None:
        if message.type == "error":
            self._complain("error in the console:", message.text)


class Notebook:
    """The notebook that is open; cells are named by their index, from 0."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.page = lab, lab.page

    def cell(self, i: int) -> Locator:
        """The whole cell."""
        return self.page.locator(f".jp-Notebook-cell[data-windowed-list-index='{i}']")

    def output(self, i: int) -> Locator:
        """The outputs of a cell, without its code and the numbers beside it."""
        return self.cell(i).locator(".jp-OutputArea-output")

    def source(self, i: int) -> str:
        """What stands in the cell."""
        return self.page.evaluate(_SOURCE, i)

    def text(self, i: int) -> str:
        """What a person reads below the cell."""
        return "\n".join(text.strip() for text in self.output(i).all_inner_texts())

    def outputs(self, i: int) -> list[dict[str, Any]]:
        """The outputs as the notebook's file holds them."""
        return self.page.evaluate(_OUTPUTS, i)

    def run(self, i: int, wait: bool = True) -> None:
        """Run a cell with the keyboard; an error in it is for the test to look at."""
        count = self.page.evaluate(_COUNT, i)
        self._activate(i)
        self.page.keyboard.press("Control+Enter")
        if wait:
            self.page.wait_for_function(_CELL_IS_IDLE, arg=[i, count], timeout=_MINUTE)

    def run_all(self) -> None:
        """Run every cell, and fail where one has an error."""
        for i in range(self.page.evaluate(_CELLS)):
            self.run(i)
            errors = [out for out in self.outputs(i) if out["output_type"] == "error"]
            assert not errors, errors

    def type(self, i: int, text: str) -> None:
        """Write at the end of a cell, key by key."""
        self._activate(i)
        self.page.keyboard.type(text)

    def complete(self) -> list[str]:
        """Press Tab where the cursor is, again if nothing comes, and return what is offered.

        JupyterLab waits a second for completions, and a kernel may be busy for longer.
        """
        self.page.wait_for_function(_KERNEL_IS_IDLE)
        offered = self.page.locator(_OFFERED)
        for _ in range(_TABS):
            self.page.keyboard.press("Tab")
            with contextlib.suppress(NothingCame):
                offered.first.wait_for(timeout=_PATIENCE)
                break
        before: list[str] = []
        while (names := offered.all_inner_texts()) != before:  # a long list comes in pieces
            before = names
            self.page.wait_for_timeout(100)
        return [name.strip() for name in names]

    def choose(self, name: str) -> None:
        """Click on one of what `complete` offers."""
        whole = re.compile(f"^{re.escape(name)}$")
        self.page.locator(_OFFERED).filter(has_text=whole).click()
        expect(self.page.locator(_OFFERED)).to_have_count(0)

    def evaluate(self, code: str) -> str:
        """What code prints in the notebook's kernel; no cell is added."""
        return self.page.evaluate(_EVALUATE, code)

    def restart(self) -> None:
        """End the kernel and start another, as the menu does."""
        self.page.evaluate(_RESTART)
        self.page.wait_for_function(_KERNEL_IS_IDLE, timeout=_MINUTE)

    def wait_until(self, expression: str, value: str, seconds: float = 20) -> None:
        """Wait until an expression has this ``str`` in the kernel.

        The page shows a change before the kernel hears of it.
        """
        end = time.monotonic() + seconds
        while (got := self.evaluate(f"print({expression})")) != value:
            assert time.monotonic() < end, f"{expression} is {got!r}, and not {value!r}"
            time.sleep(0.05)

    def _activate(self, i: int) -> None:
        self.cell(i).scroll_into_view_if_needed()
        self.page.evaluate(_ACTIVATE, i)


def set_theme(own: Path, theme: str) -> None:
    """The theme of the pages that are opened from now on; `own` is the server's folder."""
    _write_setting(own, "themes", theme=THEMES[theme])


def _write_setting(own: Path, plugin: str, **values: object) -> None:
    folder = own / "settings/@jupyterlab/apputils-extension"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{plugin}.jupyterlab-settings").write_text(json.dumps(values))


def _write_page_config(own: Path) -> None:
    """Let no page ask whether JupyterLab is to be built anew, for which the server runs Node."""
    folder = own / "config/labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    never = {"buildAvailable": "false", "buildCheck": "false"}
    (folder / "page_config.json").write_text(json.dumps(never))


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def _wait_for_answer(process: subprocess.Popen, address: str, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/api/status", timeout=5):  # noqa: S310
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()}")


def _stop(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGTERM)  # the server's own group: its kernels with it
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
