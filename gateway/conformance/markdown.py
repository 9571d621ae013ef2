"""The few forms of Markdown that the statement is made of."""

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a vertical bar in a cell stays one."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def listed(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def section(heading: str, *parts: str) -> str:
    """A heading and what stands below it."""
    return "\n\n".join((heading, *parts))


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|")
