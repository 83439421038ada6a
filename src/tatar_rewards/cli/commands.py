"""What the commands have in common: their arguments, and how they end."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from tatar_rewards.cli.doctor import add_doctor
from tatar_rewards.cli.evaluate import add_evaluate
from tatar_rewards.cli.explain import add_explain
from tatar_rewards.cli.score import add_score
from tatar_rewards.wording import in_words

WRONG, INTERRUPTED, PIPE_CLOSED = 2, 130, 141  # the last two as shells have them: 128 and the number of the signal

_NEGATIVE_NUMBER = re.compile(r"-(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    0: done; 1: the doctor has findings, or score has alarms; 2: the command or its input was wrong, which one line
    says; 130: interrupted; 141: nobody reads the output any more.
    """
    if sys.stdout is None:  # it was closed before the program began
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - until the process ends
    _print_what_cannot_be_encoded()
    try:
        return while_somebody_reads(lambda: _run(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        return INTERRUPTED


def while_somebody_reads(run: Callable[[], int]) -> int:
    """The exit code of a program that prints; 141 where the reader of a pipe has gone (`| head`)."""
    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:
        _let_output_go()
        return PIPE_CLOSED
    return code


def _run(arguments: Sequence[str]) -> int:
    name = "tatar_rewards"
    try:
        options = {name: value for name, value in vars(_parse_arguments(arguments)).items() if value is not None}
        command: Callable[[dict[str, Any]], int] = options.pop("run")
        name = command.__name__.strip("_")
        return command(options)
    except BrokenPipeError:
        raise
    except (ValueError, TypeError, OSError, ImportError, AttributeError) as error:
        missing = isinstance(error, ImportError) and error.name in ("yaml", "datasets", "jinja2")
        cure = '; pip install "tatar-rewards[recipe]"' if missing else ""
        print(f"{name}: {in_words(error)}{cure}", file=sys.stderr)
    except OverflowError as error:
        print(f"{name}: a number in the input is too large: {in_words(error)}; mend it", file=sys.stderr)
    except RecursionError:
        print(f"{name}: something in the input is nested too deeply", file=sys.stderr)
    except MemoryError:
        print(f"{name}: the memory does not suffice; give a part of the input", file=sys.stderr)
    return WRONG


class _Parser(argparse.ArgumentParser):
    """Tells of a wrong command on one line, as of all else that is wrong; takes no option by a part of its name."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; {self.prog} --help lists what there is")


def _parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    as_script = Path(sys.argv[0]).stem == "tatar-rewards"
    prog = "tatar-rewards" if as_script else "python -m tatar_rewards"
    parser = _Parser(prog=prog, description="Rewards for judging pictures.")
    commands = parser.add_subparsers(required=True, metavar="{doctor,evaluate,explain,score}")
    add_doctor(commands)
    add_evaluate(commands)
    add_explain(commands)
    add_score(commands)
    return parser.parse_args([_without_exponent(argument) for argument in arguments])


def _without_exponent(argument: str) -> str:
    """A negative number as argparse knows one: it takes -1e-3 for an option."""
    return format(Decimal(argument), "f") if _NEGATIVE_NUMBER.fullmatch(argument) else argument


def _print_what_cannot_be_encoded() -> None:
    """A name that the terminal's encoding lacks is printed with question marks; figures are not lost for it."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")


def _let_output_go() -> None:
    """Let the interpreter's last flush find somebody."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
