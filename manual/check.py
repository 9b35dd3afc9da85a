"""What a built site has to hold: nothing from another host, and every link leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
_NOT_LOADED = {"canonical", "prev", "next", "alternate"}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.loads: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        self.anchors.update(have[name] for name in ("id", "name") if name in have)
        if tag == "a" and "href" in have:
            self.links.append(have["href"])
        loaded = have.get(_LOADED.get(tag, ""), "")
        if loaded and have.get("rel") not in _NOT_LOADED:
            self.loads.append(loaded)


def mistakes(site: Path) -> Iterator[str]:
    """Every mistake in the folder of a built site, as a sentence."""
    pages = {path.resolve(): _read(path) for path in site.rglob("*.html")}
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        if name.name == "404.html":
            continue  # its links hang on where it is shown
        for one in page.loads:
            parts = urlsplit(one)
            if parts.scheme in ("http", "https") or parts.netloc:
                yield f"{name} loads {one}"
            elif parts.scheme != "data" and not _file(path, parts.path).is_file():
                yield f"{name}: there is no {one}"
        for one in page.links:
            parts = urlsplit(one)
            if parts.scheme or parts.netloc:
                continue
            target = _file(path, parts.path) if parts.path else path
            if not target.exists():
                yield f"{name} links to {one}, which is not there"
            elif parts.fragment and target in pages:
                anchor = unquote(parts.fragment)
                if anchor not in pages[target].anchors:
                    yield f"{name} links to {one}: there is no such place"


def _file(page: Path, path: str) -> Path:
    return (page.parent / unquote(path)).resolve()


def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text("utf-8"))
    return page
