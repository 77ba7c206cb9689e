"""Follows every page of the documentation as a reader would; a page that is wrong is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

Follow = Callable[[str], None]

DOCS = Path(__file__).parents[1]
FOLLOWED = [
    "tutorial.md",
    "tutorial-locust.md",
    "reference/locust.md",
    *(f"how-to/{page.name}" for page in DOCS.glob("how-to/*.md")),
]
SHOWN_ONLY = {"how-to/when-it-says-inconclusive.md"}  # a table; test_inconclusive.py follows it
PAGES = [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]


@pytest.mark.parametrize("page", sorted(set(FOLLOWED) - SHOWN_ONLY))
def test_what_a_page_shows_is_what_happens(page: str, follow: Follow) -> None:
    follow(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS.parent).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings]


def test_every_page_is_listed() -> None:
    index = (DOCS / "README.md").read_text()
    for page in DOCS.rglob("*.md"):
        if page.parent.name not in ("decisions", "examples") and page.name != "README.md":
            assert f"({page.relative_to(DOCS).as_posix()})" in index, page


# ------------------------------------------------------------------- a page that is wrong is found


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```console\n$ python -c 'print(1)'\n2\n```", "but the page shows"),
        ("```console\n$ python -c 'print(1); print(2)'\n1\n```", "but the page shows"),
        ("```console\n$ python -c 'print(1); print(2)'\n2\n```", "but the page shows"),
        (
            "```console\n$ python -c 'print(1); print(0); print(2)'\n1\n2\n```",
            "but the page shows",
        ),
        ("```console\n$ python -c 'print(2); print(1)'\n1\n...\n2\n```", "but the page shows"),
        ("```console\n1\n```", "output without a command"),
        ("```console\n$ rm -rf build\n```", "a page may run"),
        ("```console\n$ pip install another-package\n```", "pip install another-package"),
        ("```console\n$ pip install 'pytest-racecheck[more]'\n```", "more"),
        ("```python\nprint(1)\n```", "neither a file nor a command"),
        ("```yaml\na: 1\n```", "neither a file nor a command"),
        (
            "```python\n# a.py\nx = 1\n```\n\n```diff\n--- a.py\n-y = 1\n+y = 2\n```",
            "does not hold exactly once",
        ),
        ("no block at all", "nothing that could be run"),
    ],
)
def test_a_page_that_is_wrong_is_not_passed(
    page: str, complaint: str, follow: Follow, tmp_path: Path
) -> None:
    (tmp_path / "page.md").write_text(page + "\n")
    with pytest.raises(AssertionError, match=complaint):
        follow(str(tmp_path / "page.md"))


def test_a_page_that_is_right_is_passed(follow: Follow, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(
        "```python\n# a.py\nprint('one')\nprint('two')\nprint('three in 0.17s')\n```\n"
        "```diff\n--- a.py\n-print('two')\n+print('2')\n```\n"
        "```console\n$ python a.py\none\n...\nthree in 9.99s\n$ python a.py\n...\n2\n...\n```\n"
    )
    follow(str(tmp_path / "page.md"))
