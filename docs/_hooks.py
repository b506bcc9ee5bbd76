"""MkDocs hooks: pages made from the rules, the skill, the options and the documents of the repository."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(Path(__file__).parent))

import _example_pages  # noqa: E402
import _options_page  # noqa: E402
import _rule_pages  # noqa: E402

from pytest_autograd.registry import all_rules  # noqa: E402
from pytest_autograd.skill.sections import NAME, sections, slug  # noqa: E402

SKILL = f"skill/{NAME}"
#: Page of each document that the site takes over from the repository.
DOCUMENTS = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
    f"{SKILL}/SKILL.md": "skill/index.md",
    **{
        path.relative_to(ROOT).as_posix(): f"skill/{path.name}"
        for path in sorted((ROOT / SKILL / "references").glob("*.md"))
    },
}
#: What such documents link to and the site shows elsewhere.
ELSEWHERE = {
    f"{SKILL}/rules.md": "rules/index.md",
    SKILL: "skill/index.md",
    "benchmarks": "benchmarks.md",
    "examples": "examples/index.md",
    **{path.replace(".md", ".py"): path for path in _example_pages.pages()},
}
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#:\s]+)(#[^)\s]+)?\)")
PICTURE = re.compile(r"(?<=\]\()[^)#:\s]+(?=\.png\))")
SECTION = re.compile(r"`([a-z-]+)/([a-z0-9-]+)`")
LAST_LINES = re.compile(r"^(?:Related: |Checked by ).+$", re.MULTILINE)
NAMED = re.compile(r"([a-z-]+)/([a-z0-9-]+)|AG\d{3}")
FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```(python|text) (.+)$", re.MULTILINE)
COMMENT = re.compile(r"^<!--.*?-->\n?", re.MULTILINE | re.DOTALL)
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
CLAIMS = {"verified": "verified", "test": "a test module", "report": "the report says"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let headings have the names that the skill gives its sections, and add generated pages to the menu."""
    config.mdx_configs["toc"]["slugify"] = lambda text, separator: slug(text)
    assert config.nav is not None
    skill = [page for page in DOCUMENTS.values() if page.startswith("skill/")]
    examples = list(_example_pages.pages())
    rules = list(_rule_pages.pages())
    config.nav[-1:-1] = [{"Examples": examples}, {"Rules": rules}, {"Skill": skill}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and the pictures of the benchmarks."""
    made = {**_example_pages.pages(), **_rule_pages.pages(), "options.md": _options_page.page()}
    for name, page in DOCUMENTS.items():
        made[page] = _relinked((ROOT / name).read_text(encoding="utf-8"), name, page)
    for uri, text in made.items():
        files.append(File.generated(config, uri, content=text))
    for picture in sorted((ROOT / "benchmarks/results").glob("*.png")):
        uri = picture.relative_to(ROOT).as_posix()
        files.append(File.generated(config, uri, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn ids of skill sections into links, and what fences claim into titles of the blocks."""
    here = PurePosixPath(page.file.src_uri).parent

    def linked(found: re.Match[str]) -> str:
        if found[0] in all_rules():
            return f"[{found[0]}]({_from(here, _rule_pages.place(all_rules()[found[0]]))})"
        if f"{found[1]}/{found[2]}" not in sections():
            return found[0]
        return f"[{found[0]}]({_from(here, f'skill/{found[1]}.md')}#{found[2]})"

    def named(text: str) -> str:
        return LAST_LINES.sub(lambda line: NAMED.sub(linked, line[0]), SECTION.sub(linked, text))

    return FENCE.sub(_titled, _outside_code(named, markdown))


def _outside_code(change: Callable[[str], str], markdown: str) -> str:
    parts = FENCED.split(markdown)
    return "".join(part if i % 2 else change(part) for i, part in enumerate(parts))


def _titled(fence: re.Match[str]) -> str:
    """Say above a block what the tests establish of it: its verdict, or the codes that are found in it."""
    told = []
    for word in fence[2].split():
        name, given, value = word.partition("=")
        if name == "wrong":
            told.append(f"found: {value.replace(',', ', ')}")
        elif given and name != "entry":
            told.append(f"with {name}={value}")
        else:
            told += [CLAIMS[word]] if word in CLAIMS else []
    title = f' title="{", ".join(told)}"' if told else ""
    return f"```{fence[1]}{title}"


def _relinked(text: str, name: str, page: str) -> str:
    """Let the links of a document lead to the pages that stand for what they name.

    What is in the repository but not on the site keeps its text only.
    """
    at, here = PurePosixPath(name).parent, PurePosixPath(page).parent
    pages: dict[str, str] = {**DOCUMENTS, **ELSEWHERE}

    def moved(found: re.Match[str]) -> str:
        words, target, anchor = found[1], os.path.normpath(at / found[2]), found[3] or ""
        if target not in pages and (ROOT / target).exists():
            return words
        return f"[{words}]({_from(here, pages.get(target, target))}{anchor})"

    def linked(part: str) -> str:
        plain = LINK.sub(moved, COMMENT.sub("", part))
        return PICTURE.sub(lambda found: _from(here, os.path.normpath(at / found[0])), plain)

    return _outside_code(linked, FRONT_MATTER.sub("", text))


def _from(folder: PurePosixPath, uri: str) -> str:
    return PurePosixPath(os.path.relpath(uri, folder)).as_posix()
