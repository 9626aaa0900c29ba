"""Markdown, taken apart."""

import re


def flow(text: str) -> str:
    """Return a text with all its white space as single spaces, so that it doesn't matter where lines end."""
    return " ".join(text.split())


def find_table(text: str, first: str) -> list[list[str]]:
    """Return the rows of the table whose first heading is given, without its head; each row is a list of cells."""
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def find_section(text: str, heading: str) -> str:
    """Return what stands below a heading of the second level, up to the next one."""
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def find_blocks(text: str, language: str) -> list[str]:
    """Return the blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
