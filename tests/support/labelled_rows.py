"""Sound training data, without pictures."""

import json

QUESTION = "Rate it: <think>...</think><answer>...</answer>"


def rows(n=40, **changes):
    """Sound data: two tasks, labels all over 0-100."""
    columns = {
        "prompt": [QUESTION] * n,
        "mos": [float(5 + 97 * k % 90) for k in range(n)],
        "task": [("iqa", "iaa")[k % 2] for k in range(n)],
        "image_id": [f"{k}.jpg" for k in range(n)],
        "dataset": ["tiny"] * n,
    }
    return {name: values for name, values in {**columns, **changes}.items() if values is not None}


def json_lines(n=40, **changes):
    """The same as JSONL."""
    columns = rows(n, **changes)
    return "".join(
        json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in zip(*columns.values(), strict=True)
    )
