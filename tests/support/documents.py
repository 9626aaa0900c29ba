"""Markdown, taken apart."""


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
