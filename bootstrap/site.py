"""Hooks of MkDocs: every decision is in the navigation, and pages beside the code are of the site too."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def on_config(config: Any) -> Any:
    """Put the pages of docs/decisions where mkdocs.yml says `Decisions: decisions`."""
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    titles = [{page.read_text().partition("\n")[0].strip("# "): f"decisions/{page.name}"} for page in pages]
    config.nav = [
        {"Decisions": titles} if item == {"Decisions": "decisions"} else item for item in config.nav
    ]
    return config


def on_page_markdown(markdown: str, **_context: object) -> str:
    """Put `{{ file }}` in, with its links as seen from docs/."""

    def content(found: re.Match[str]) -> str:
        return (ROOT / found[1]).read_text().replace("](../docs/", "](")

    return re.sub(r"^\{\{ (\S+) \}\}$", content, markdown, flags=re.MULTILINE)
