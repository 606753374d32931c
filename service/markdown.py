"""A card's detail as HTML: CommonMark without raw HTML, and only the elements that text needs."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_TAGS = {"p", "br", "strong", "em", "code", "pre", "ul", "ol", "li", "blockquote", "a", "h3", "h4", "h5", "h6", "hr"}
_SCHEMES = {"http", "https"}

# Images are disabled: loading one would tell another server who is reading.
_parser = MarkdownIt("commonmark", {"html": False}).disable("image")


def safe_html(text: str) -> Markup:
    """The text as HTML without scripts or images, and with only http and https links.

    Links open in a new tab and send no referrer.
    """
    html = nh3.clean(
        _parser.render(text),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return Markup(html)
