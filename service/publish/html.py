"""The pages as replies: their one style, which a browser accepts only by its hash, and who gets a page at all."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

from flask import Request, Response
from markupsafe import Markup

from service.markdown import safe_html
from service.rendering import templates

_HTML, _JSON = "text/html", "application/json"

_templates = templates("service.publish")
_STYLE = _templates.get_template("style.css").render()
_templates.globals["style"] = Markup(_STYLE)  # a file of this package
_templates.filters["safe_markdown"] = safe_html

_DIGEST = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
# The pages contain their own style and load nothing.
_NOTHING_ELSE = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def rendered(template: str, **values: Any) -> str:
    """A page from one of the templates of this package; inserted values are escaped."""
    return _templates.get_template(template).render(**values)


def reply(html: str, status: int = 200) -> Response:
    """The reply with a page that loads nothing."""
    return Response(html, status, mimetype=_HTML, headers={"Content-Security-Policy": _NOTHING_ELSE})


def wants_html(request: Request) -> bool:
    """Whether a person asks with a browser: HTML is preferred to JSON, not merely accepted like everything else."""
    accepted = request.accept_mimetypes
    return request.method in ("GET", "HEAD") and accepted[_HTML] > accepted[_JSON]
