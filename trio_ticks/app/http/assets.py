"""The dashboard's files, read once when serving begins.

They are looked up by their whole name in a table, so no path, however it is written, leads to another file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import attrs

from trio_ticks.app.http.exchange import HTML, TEXT, Ask, Reply

PAGE = Path(__file__).parent / "page"
INDEX = "index.html"

_KINDS = {
    ".html": HTML,
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}

_PLAIN = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>trio_ticks</title>
<h1>trio_ticks</h1>
<ul><li><a href="/status">status</a><li><a href="/metrics">metrics</a><li><a href="/readyz">ready?</a></ul>
"""
"""What is shown where the page was left out of an installation."""


@attrs.frozen
class Asset:
    """A file, and what a browser recognises it by."""

    body: bytes
    kind: str
    tag: str

    def reply(self, ask: Ask) -> Reply:
        """Return it; nothing where the browser has it already."""
        headers = (("Cache-Control", "no-cache"), ("ETag", self.tag))
        if ask.headers.get("if-none-match") == self.tag:
            return Reply(304, b"", self.kind, headers)
        return Reply(200, self.body, self.kind, headers)


def load_assets(page: Path = PAGE) -> Mapping[str, Asset]:
    """Return every file of the page by the path it is served under; the index under ``/``."""
    assets = {"/": _asset(_PLAIN, ".html")}
    for file in sorted(page.rglob("*")) if page.is_dir() else ():
        if file.is_file():
            name = file.relative_to(page).as_posix()
            assets["/" if name == INDEX else f"/assets/{name}"] = _asset(file.read_bytes(), file.suffix)
    return assets


def _asset(body: bytes, suffix: str) -> Asset:
    return Asset(body, _KINDS.get(suffix, TEXT), f'"{hashlib.sha256(body).hexdigest()[:16]}"')
