"""A model's predictions as rows, from files of several kinds.

`read_predictions` reads JSONL, JSON, CSV and Parquet row by row, however long they are. `text_files`, `json_files` and
`parquet_files` know the formats, `completions_tables` the table that TRL's trainer writes, `folders` where it does,
`columns` which columns have other names, `rows` what a row must hold.
"""

from tatar_rewards.predictions.columns import NamedColumns, value_of
from tatar_rewards.predictions.completions_tables import (
    LoggedRow,
    logged_rewards,
    logged_row,
    read_predictions,
    read_rows,
)
from tatar_rewards.predictions.folders import find_files
from tatar_rewards.predictions.rows import (
    UNKNOWN_TASK,
    CompletionError,
    LoggedAnswer,
    PlainNumber,
    PredictionRow,
    RowError,
    check_row,
    messages_in_text,
    without_number,
)
from tatar_rewards.predictions.text_files import decoded_lines, other_separator, parse_jsonl

__all__ = [
    "UNKNOWN_TASK",
    "CompletionError",
    "LoggedAnswer",
    "LoggedRow",
    "NamedColumns",
    "PlainNumber",
    "PredictionRow",
    "RowError",
    "check_row",
    "decoded_lines",
    "find_files",
    "logged_rewards",
    "logged_row",
    "messages_in_text",
    "other_separator",
    "parse_jsonl",
    "read_predictions",
    "read_rows",
    "value_of",
    "without_number",
]
