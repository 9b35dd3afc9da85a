"""Build the site: `python -m manual [FOLDER]` (build/docs).

Pages of docs/ and those that are made here are brought together in build/manual, Zensical renders
them strictly, and the result is checked: no page loads anything from another host, every link and
anchor leads somewhere, every page has its place in the navigation.  Needs the extra `docs`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from manual import check, commands, topics
from manual.stage import ROOT, stage

SETTINGS = ROOT / "mkdocs.yml"
SPANISH = "En español"


class ManualError(Exception):
    """The site can't be built; the message says why, one mistake a line."""


def build(site: Path) -> int:
    """Build the site in the folder `site`, in place of what is there.  Returns how many pages it
    has; raises ManualError."""
    settings = yaml.safe_load(SETTINGS.read_text("utf-8"))
    with tempfile.TemporaryDirectory(prefix="garita-docs-") as name:
        work = Path(name)
        pages = stage(work / "pages", made())
        wrong = list(_places(settings["nav"], pages))
        if wrong:
            raise ManualError("\n".join(wrong))
        text = SETTINGS.read_text("utf-8")
        text = re.sub(r"(?m)^docs_dir:.*$", "docs_dir: pages", text)
        text = re.sub(r"(?m)^site_dir:.*$", "site_dir: site", text)
        (work / "mkdocs.yml").write_text(text, encoding="utf-8")
        words = [sys.executable, "-m", "zensical", "build", "--strict", "-f", "mkdocs.yml"]
        done = subprocess.run(words, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ManualError(_readable(done.stdout + done.stderr))
        for page in _spanish(settings["nav"]):
            _in_spanish(work / "site" / page.replace(".md", ".html"))
        if wrong := sorted(check.mistakes(work / "site")):
            raise ManualError("\n".join(wrong))
        shutil.rmtree(site, ignore_errors=True)
        shutil.copytree(work / "site", site)
    return len(pages)


def made() -> dict[str, str]:
    """The pages that are made from the program itself, by name."""
    return {
        "commands.md": commands.page("en"),
        "comandos.md": commands.page("es"),
        "mqtt-messages.md": topics.page(),
    }


def _places(nav: Any, pages: list[str]) -> Iterator[str]:
    listed = list(_files(nav))
    for page in sorted(set(pages) - set(listed)):
        yield f"{page} has no place in the navigation of mkdocs.yml"
    for page in sorted(set(listed) - set(pages)):
        yield f"mkdocs.yml names {page}, which is not there"


def _files(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for one in nav.values() if isinstance(nav, dict) else nav:
            yield from _files(one)


def _spanish(nav: list[Any]) -> Iterator[str]:
    for part in nav:
        if isinstance(part, dict) and SPANISH in part:
            yield from _files(part[SPANISH])


def _in_spanish(page: Path) -> None:
    """Say to browsers and screen readers in which language the page is."""
    text = page.read_text("utf-8")
    page.write_text(text.replace('<html lang="en"', '<html lang="es"', 1), encoding="utf-8")


def _readable(output: str) -> str:
    """What Zensical printed, without colours and traceback."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    return plain.partition("Traceback (most recent call last)")[0].strip()


def main(arguments: list[str]) -> int:
    site = Path(arguments[0]) if arguments else ROOT / "build" / "docs"
    try:
        pages = build(site.resolve())
    except ManualError as error:
        print(f"docs: the site was not built\n{error}", file=sys.stderr)
        return 1
    print(f"docs: {pages} pages in {site}; open {site / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
