"""The Python of a page of the documentation: its blocks in order, in one module, with what they print.

    PYTHONPATH=tests:examples python -m support.doc_blocks docs/getting_started.md     # in full, as the page shows it

A block that is followed by a `text` block prints exactly that text. Comments before a block say otherwise:

    <!-- not run: why -->         a block that no machine of ours can run
    <!-- in tests: old -> new --> a block that tests run with less, such as fewer steps
    <!-- digits differ: why -->   a text that is not compared
"""

import contextlib
import io
import re
import sys
import types
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(
    r"((?:^<!-- [^\n]* -->\n)*)^```python\n(.*?)^```\n(?:\n((?:^<!-- [^\n]* -->\n)*)^```text\n(.*?)^```\n)?",
    re.M | re.S,
)


class Block(NamedTuple):
    line: int  # of the code's first line, from 1
    code: str
    shown: str | None  # what the page says that it prints; None: nothing is shown
    marks: dict[str, str]  # by the words before the colon of a comment


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page's text."""
    found = []
    for match in BLOCK.finditer(page):
        comments = re.findall(r"^<!-- ([\w ]+): (.*) -->$", match[1] + (match[3] or ""), re.M)
        line = page.count("\n", 0, match.start(2)) + 1
        found.append(Block(line, match[2], match[4], dict(comments)))
    return found


def run_page(path: Path, *, in_full: bool) -> None:
    """Run the blocks of a page one after the other.

    Raises:
        AssertionError: a block prints something else than the page shows.
    """
    module = types.ModuleType(f"page_{path.stem}")  # a module, so that what a page defines can be pickled
    sys.modules[module.__name__] = module
    for block in blocks_of(path.read_text()):
        if "not run" in block.marks:
            continue
        code = block.code
        if "in tests" in block.marks and not in_full:
            old, new = block.marks["in tests"].split(" -> ")
            assert old in code, f"{path.name}, line {block.line}: the block does not hold {old!r}"
            code = code.replace(old, new)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            # blank lines before it, so that errors name the line of the page
            exec(compile("\n" * (block.line - 1) + code, str(path), "exec"), module.__dict__)
        if in_full:
            print(printed.getvalue(), end="", flush=True)
        elif block.shown is not None and "digits differ" not in block.marks:
            assert printed.getvalue() == block.shown, f"{path.name}, line {block.line}: the page shows another output"


if __name__ == "__main__":
    run_page(Path(sys.argv[1]).resolve(), in_full=True)
