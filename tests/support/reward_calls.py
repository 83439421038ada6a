"""Completions, and the columns that a trainer calls a reward with."""

LONG = " ".join(f"word{k}" for k in range(130))
GOOD = [f"<think>{LONG if k // 2 % 2 else 'Sharp.'}</think><answer>{20 + 5 * k}</answer>" for k in range(8)]


def batch(texts, **changes):
    """The keywords of one call; IQA and IAA take turns, two completions an image."""
    n = len(texts)
    columns = {
        "prompts": ["Rate it."] * n,
        "completions": texts,
        "completion_ids": [list(range(len(str(text).split()))) for text in texts],
        "mos": [float(20 + 10 * (k // 2 % 8)) for k in range(n)],
        "task": [("iqa", "iaa")[k // 2 % 2] for k in range(n)],
        "image_id": [f"{k // 2}.jpg" for k in range(n)],
        "dataset": ["tiny"] * n,
        "trainer_state": object(),
    }
    return {**columns, **changes}
