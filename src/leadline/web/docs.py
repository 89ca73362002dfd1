"""`/openapi.json`, and `/docs`: the same as a page, made here, that loads nothing from anywhere."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from leadline.web.openapi import describe

NOTHING_FROM_ELSEWHERE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}


def routes(described: list[BaseRoute]) -> list[Route]:
    """The two addresses, describing these routes; each document is made when it is first asked for."""

    @cache
    def document() -> dict[str, Any]:
        return describe(described)

    @cache
    def page() -> str:
        return render(document())

    async def openapi(_: Request) -> Response:
        return Response(msgspec.json.encode(document()), media_type="application/json")

    async def docs(_: Request) -> Response:
        return HTMLResponse(page(), headers=NOTHING_FROM_ELSEWHERE)

    return [Route("/openapi.json", openapi), Route("/docs", docs)]


def render(document: Mapping[str, Any]) -> str:
    """The page of an OpenAPI document."""
    environment = Environment(
        loader=PackageLoader("leadline.web"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"kind": _kind, "prose": _prose, "pretty": lambda value: json.dumps(value, indent=2)}
    environment.globals["resolve"] = lambda node: _resolved(document, node)
    return environment.get_template("docs.html").render(api=document)


def _resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Any:
    """What a node refers to, else the node itself."""
    found: Any = node
    if (reference := node.get("$ref")) is not None:
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    return found


def _prose(text: str) -> Markup:
    """Text with `code` in backticks."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts)
    )


def _kind(schema: Mapping[str, Any]) -> Markup:
    """A schema in a few words, with links to those that have a name."""
    if (reference := schema.get("$ref")) is not None:
        name = reference.rsplit("/", 1)[-1]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(_kind(kind) for kind in schema["anyOf"])
    if "enum" in schema:
        return Markup("one of {}").format(", ".join(map(str, schema["enum"])))
    if schema.get("type") == "array":
        return Markup("array of {}").format(_kind(schema.get("items", {})))
    form = f" ({schema['format']})" if "format" in schema else ""
    return escape(f"{schema.get('type', 'anything')}{form}")
