"""How the commands print: tables of rich on a terminal where it is installed, plain text elsewhere."""

import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from tatar_rewards.evaluation.table import align, printable


class Table(NamedTuple):
    """Cells by row under their heads; the first `words` columns hold words, the others numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1

    def __str__(self) -> str:
        return "\n".join([self.title] * bool(self.title) + align([self.heads, *self.rows], self.words))


def show(*parts: Table | str) -> None:
    """Print tables and texts one below the other, with an empty line between them."""
    console = terminal()
    if console is None:
        print("\n\n".join(map(str, parts)))
        return
    for number, part in enumerate(parts):
        if number:
            console.print()
        if isinstance(part, Table):
            console.print(_as_rich(part))
        else:
            text = "\n".join(map(printable, part.split("\n")))
            console.print(text, markup=False, highlight=False, emoji=False)


def terminal() -> Any:
    """The terminal; None where there is none, or nothing to draw with."""
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(file=sys.stdout)


def _as_rich(table: Table) -> Any:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    title = Text(printable(table.title), style="bold") if table.title else None
    drawn = RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_header=any(table.heads))
    for number, head in enumerate(table.heads):
        drawn.add_column(Text(head), justify="left" if number < table.words else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(printable(cell)) for cell in row))
    return drawn
