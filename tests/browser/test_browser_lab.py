"""The driver itself: what it runs, types, completes, and what it refuses to overlook."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_runs_types_and_completes(lab):
    notebook = lab.open("names = ['a']", "len(names)", "name", "1 / 0")
    notebook.run(0)
    notebook.run(1)
    assert notebook.text(1) == "1"
    notebook.type(2, "s.")
    assert "append" in notebook.complete()
    notebook.choose("append")
    assert notebook.source(2) == "names.append"
    notebook.type(2, "('b')")
    notebook.run(2)
    notebook.wait_until("len(names)", "2")
    notebook.run(1)
    assert notebook.text(1) == "2"
    notebook.run(3)
    assert notebook.outputs(3)[0]["ename"] == "ZeroDivisionError"
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        notebook.run_all()


def test_complains(lab):
    lab.open("")
    lab.check()
    for script, complaint in (
        ("fetch('http://192.0.2.1/x').catch(String)", "leaves the server: http://192.0.2.1/x"),
        ("fetch('https://example.com/x').catch(String)", "leaves the server: https://exam"),
        ("fetch('/no/such/page')", "404 http://127.0.0.1"),
        ("console.error('so it is')", "console: so it is"),
        ("void setTimeout(() => { throw new Error('thrown') })", "in the page thrown"),
    ):
        lab.page.evaluate(script)
        for _ in range(100):  # in a moment
            if not lab.complaints:
                lab.page.wait_for_timeout(50)
        with pytest.raises(AssertionError, match=complaint):
            lab.check()
        lab.complaints.clear()
