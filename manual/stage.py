"""Bring the pages together in one folder, as the site's generator wants them.

The pages of docs/ are written for whoever reads the repository: they link to files beside docs/.  A
site has no such files.  So the few that are pages (`ALSO`) come along, and a link to any other file
becomes that file's name.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ALSO = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "deploy/fleet/README.md": "fleet.md",
}
"""Pages from elsewhere in the repository, and their names on the site."""

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<to>[^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def stage(folder: Path, made: dict[str, str]) -> list[str]:
    """Fill `folder` with every page; `made` has those that are made here, by name.  Returns the
    names of all pages."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(DOCS, folder)
    for path in folder.rglob("*.md"):
        at = PurePosixPath("docs") / path.relative_to(folder).as_posix()
        path.write_text(linked(path.read_text("utf-8"), at), encoding="utf-8")
    for source, name in ALSO.items():
        text = linked((ROOT / source).read_text("utf-8"), PurePosixPath(source))
        (folder / name).write_text(text, encoding="utf-8")
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.md"))


def linked(text: str, at: PurePosixPath) -> str:
    """The text of the page `at` (its path in the repository) with links as the site has them."""
    parts = _FENCE.split(text)  # code is left alone
    return "".join(
        part if n % 2 else _LINK.sub(lambda found: _link(found, at), part)
        for n, part in enumerate(parts)
    )


def _link(found: re.Match[str], at: PurePosixPath) -> str:
    to, hash_, anchor = found["to"].partition("#")
    if not to or "://" in to or to.startswith("mailto:"):
        return found[0]
    target = _normal(at.parent / to)
    on_site = ALSO.get(str(target)) or (
        target.relative_to("docs").as_posix() if target.is_relative_to("docs") else ""
    )
    if not on_site:
        if not (ROOT / target).exists():
            raise ValueError(f"{at}: {found[0]}: there is no {target}")
        name = found["text"].strip("`")
        return f"`{target}`" if name == str(target) else f"{found['text']} (`{target}`)"
    base = PurePosixPath(ALSO.get(str(at)) or at.relative_to("docs")).parent
    return f"[{found['text']}]({'../' * len(base.parts)}{on_site}{hash_}{anchor})"


def _normal(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)
