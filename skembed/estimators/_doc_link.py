"""Where scikit-learn's HTML representation finds the page of an estimator."""

from __future__ import annotations


class DocLinkMixin:
    """Link the estimator's HTML representation to its page in the documentation."""

    _doc_link_module = "skembed"
    _doc_link_template = (
        "https://skembed.readthedocs.io/en/stable/api/skembed.{estimator_name}.html"
    )
