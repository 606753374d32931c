"""A card's detail as HTML: CommonMark without raw HTML, and only elements that text needs."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_TAGS = {"p", "br", "strong", "em", "code", "pre", "ul", "ol", "li", "blockquote", "a", "h3", "h4", "h5", "h6", "hr"}
_SCHEMES = {"http", "https"}

# Pictures are left out: one would ask another server for something, and tell it who is looking.
_parser = MarkdownIt("commonmark", {"html": False}).disable("image")


def safe_html(text: str) -> Markup:
    """The text as HTML that holds no script, no picture and no address but http and https.

    Links open beside the page and tell nothing of it.
    """
    made = nh3.clean(
        _parser.render(text),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return Markup(made)
