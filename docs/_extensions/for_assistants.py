"""The guide as one file of Markdown, and llms.txt, which says where it is.

People ask assistants, and these read plain text: https://llmstxt.org.
"""

import re
from pathlib import Path

import networks
from docutils import nodes
from sphinx.addnodes import toctree

# What is of use to Sphinx alone: contents, references, pictures.
_OF_SPHINX = re.compile(r"^```\{(toctree|eval-rst|picture|include)\}.*?^```\n", re.M | re.S)
_ABOUT = (
    "Image embeddings from pretrained convolutional networks, for scikit-learn. Each image goes "
    "through the network once, whatever the folds, candidates, processes and sessions."
)


def _pages(env, name: str) -> list[str]:
    """Return the pages below one, in the order of its tables of contents."""
    found = []
    for tree in env.get_doctree(name).findall(toctree):
        for _, page in tree["entries"]:
            if page and page in env.all_docs:
                found += [page, *_pages(env, page)]
    return list(dict.fromkeys(found))


def _title(env, name: str) -> str:
    return env.titles.get(name, nodes.title(name, name)).astext()


def _plain(source: Path) -> str:
    """Give the Markdown of a page without what only Sphinx reads."""
    text = _OF_SPHINX.sub("", source.read_text(encoding="utf-8"))
    text = text.replace("```{networks}\n```", "\n".join(networks.markdown()))
    return text.replace("```{code-cell} ipython3", "```python").strip()


def write(app, exception):
    """Write both files beside the pages, once these are there."""
    if exception is not None or app.builder.format != "html":
        return
    out, env = Path(app.outdir), app.builder.env
    texts, links = [], []
    for name in _pages(env, env.config.root_doc):
        source = Path(env.doc2path(name))
        links.append(f"- [{_title(env, name)}]({app.builder.get_target_uri(name)})")
        if source.suffix == ".md" and name != "changelog":
            texts.append(f"<!-- {name}.md -->\n\n{_plain(source)}\n")
    (out / "guide.md.txt").write_text("\n\n".join(texts), encoding="utf-8")
    lines = [
        "# skembed",
        "",
        f"> {_ABOUT}",
        "",
        "- [The whole guide as one file of Markdown](guide.md.txt)",
        "",
        "## Pages",
        "",
        *[line for line in links if "](api/" not in line],
        "",
        "## Reference",
        "",
        *[line for line in links if "](api/" in line],
    ]
    (out / "llms.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def setup(app):
    """Write the files at the end of a build."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
