"""Runs the command line: `python -m tatar_rewards` with `doctor`, `evaluate`, `explain` or `score`."""

import sys

if __name__ == "__main__":
    try:
        from tatar_rewards.cli import main
    except KeyboardInterrupt:  # importing takes a moment
        sys.exit(130)
    sys.exit(main())
