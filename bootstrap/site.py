"""A hook of MkDocs: pages that live beside the code they are of become pages of the site too."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def on_page_markdown(markdown: str, **_context: object) -> str:
    """Put `{{ file }}` in, with its links as seen from docs/."""

    def content(found: re.Match[str]) -> str:
        return (ROOT / found[1]).read_text().replace("](../docs/", "](")

    return re.sub(r"^\{\{ (\S+) \}\}$", content, markdown, flags=re.MULTILINE)
