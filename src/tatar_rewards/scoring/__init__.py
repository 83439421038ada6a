"""The post-mortem of a run from its completions: what they earn, step by step, and what the detector would have said.

`tables` reads files into one table a step, `labels` finds MOS, task and image in their columns or in what rewards have
logged, `calls` calls the rewards as a trainer would, each by `one_reward`, `figures` measures a step, `run` keeps the
steps, `summary` puts them together, `remarks` says what is wrong, `worst` keeps what earns least, `compare` holds what
is logged against what is computed, `output` writes a line a completion, and `page` and `curves` draw the page.
"""

from tatar_rewards.scoring.calls import Scored, Scorer, Settings
from tatar_rewards.scoring.output import open_output
from tatar_rewards.scoring.page import render_page
from tatar_rewards.scoring.summary import Summary, summarise
from tatar_rewards.scoring.tables import ColumnNames, read_tables

__all__ = [
    "ColumnNames",
    "Scored",
    "Scorer",
    "Settings",
    "Summary",
    "open_output",
    "read_tables",
    "render_page",
    "summarise",
]
