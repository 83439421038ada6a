"""Runs the command line: `python -m tatar_rewards doctor` and `python -m tatar_rewards evaluate`."""

import sys

from tatar_rewards.cli import main

if __name__ == "__main__":
    sys.exit(main())
