"""The first call of every reward says how answers fail, by whose share, with an example and the cure; and only once."""

import re
import warnings

import numpy as np
import pytest
from support.forked import on_ranks
from support.reward_calls import EVERY_REWARD, GOOD, batch

import tatar_rewards as tr

EACH_REWARD = pytest.mark.parametrize("reward", EVERY_REWARD, ids=lambda reward: reward.__name__)
THINKING = "Soft light falls on calm water and the far shore stays dark. " * 3


def said_by(reward, columns, calls=1):
    """What the reward warns of, without opponents that are lacking."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(calls):
            reward(**columns)
    assert all(warning.filename == __file__ for warning in caught)
    return [str(warning.message) for warning in caught if "no other image" not in str(warning.message)]


FAILING = [
    (f"{THINKING}</think><answer>{{}}</answer>", {}, "unopened", "set think_prefilled=True"),
    ("<think>Soft.</think><answer>{}</answer>", {"think_prefilled": True}, "several_thinks", "set think_prefilled=False"),
    ("<answer>{}</answer>", {"think_prefilled": True}, "unclosed", "set think_prefilled=False"),
    ("<think>Soft.</think><answer>{}</answer><|im_end|>", {}, "text_after_answer", "decode with skip_special_tokens=True"),
    ("<answer>{}</answer>", {"answer_scale": (200, 300)}, "off_scale", "set answer_scale= to the scale that the prompt"),
    ('<answer>{{"score": {}}}</answer>', {}, "not_a_number", "one plain decimal number between .*lenient=True"),
    ("<answer>{}/10</answer>", {}, "not_a_number", "one plain decimal number between .*, without / or %; .*lenient=True"),
    ("<thinking>Soft.</thinking><answer>{}</answer>", {}, "text_before_answer", "ask for <think>...</think>"),
    ("<think>Soft light and {}", {}, "unclosed", "raise max_completion_length"),
    ("<answer>{}</answer><answer>7</answer>", {}, "several_answers", "ask for one answer"),
    ("Score: {}", {}, "no_answer", "ask for <think>...</think><answer>number</answer> in the prompt"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "settings", "status", "cure"), FAILING)
@EACH_REWARD
def test_the_first_call_names_status_share_example_and_cure(reward, form, settings, status, cure):
    """Half of the graded completions fail; those of another task do not count."""
    reward = reward.fresh(task="iaa", length_gate=None, **settings) if hasattr(reward.config, "length_gate") else reward.fresh(task="iaa", **settings)  # fmt: skip
    good = "Soft.</think><answer>250</answer>" if "think_prefilled" in settings else "<answer>250</answer>"
    good = good if "answer_scale" in settings else good.replace("250", "50")
    texts = [form.format(40), form.format(60), good, good, *["dunno"] * 4]
    columns = batch(texts, task=["iaa"] * 4 + ["iqa"] * 4)
    said = [one for one in said_by(reward, columns, calls=3) if "miss the budget" not in one]  # of a length reward
    assert len(said) == 1, said
    found = re.fullmatch(
        rf"{reward.__name__}: 2 of 4 completions cannot be read and earn 0.0, most often as {status} \(50% of all\): "
        rf"they .*, for example (.*); .*{cure}.*",
        said[0],
    )
    assert found is not None, said[0]
    assert len(found[1]) <= 80
    assert found[1][1:10] in repr(texts[0])


@EACH_REWARD
def test_a_reward_is_silent_where_more_than_half_can_be_read_or_no_row_is_its_own(reward):
    texts = ["dunno", *[text.replace("Sharp.", "word " * 4) for text in GOOD[1:5]]]
    fresh = reward.fresh(task="iaa", **({"length_gate": None} if hasattr(reward.config, "length_gate") else {}))
    assert said_by(fresh, batch(texts, task=["iaa"] * 5)) == []
    assert said_by(fresh.fresh(), batch(["dunno"] * 8, task=["other"] * 8)) == []


def test_the_first_call_is_the_first_with_rows_of_the_task():
    reward = tr.AnswerFormatReward(task="iaa")
    assert said_by(reward, batch(["dunno"] * 4, task=["iqa"] * 4)) == []
    assert len(said_by(reward, batch(["dunno"] * 4, task=["iaa"] * 4))) == 1


def test_a_missing_label_is_not_graded():
    columns = {"completions": ["dunno", "<answer>50</answer>", "<answer>50</answer>"], "mos": [None, 40.0, 60.0]}
    assert said_by(tr.GaussianScoreReward(), columns) == []


def test_thinking_that_is_asked_for_and_never_comes_is_named():
    reward = tr.AnswerFormatReward(require_think=True)
    (said,) = said_by(reward, {"completions": ["<answer>50</answer>"] * 3 + [GOOD[0]]}, calls=2)
    assert "3 of 4 readable completions hold no thinking and earn 0.0 with require_think=True; ask for <think>" in said
    assert said_by(tr.AnswerFormatReward(), {"completions": ["<answer>50</answer>"] * 4}) == []


# ---------------------------------------------------------------- budgets


def thinking(n, start=0):
    return " ".join(f"word{start + k}" for k in range(n))


def beauty(*lengths):
    texts = [f"<think>{thinking(n)}</think><answer>{20 + k}</answer>" for k, n in enumerate(lengths)]
    return batch(texts, task=["iaa"] * len(texts))


SWITCH = "name the budget in the prompt, give it a margin .*, or switch it off with length_gate=None, which is iqa_budget=None or iaa_budget=None in tatar_reward_funcs"  # fmt: skip


def test_a_budget_that_most_completions_miss_is_named_with_the_numbers():
    iqa, iaa = tr.tatar_reward_funcs()[1:]
    (said,) = said_by(iaa.fresh(), beauty(*[40] * 24, *[130] * 8), calls=2)
    told = "24 of 32 readable completions think 40 words on average, under the 125 that iaa_thurstone_rank pays for; "
    assert re.fullmatch(f"iaa_thurstone_rank: {re.escape(told)}{SWITCH}", said)
    columns = beauty(*[90] * 3, 10) | {"task": ["iqa"] * 4}
    (said,) = said_by(iqa.fresh(), columns)
    assert "3 of 4 readable completions think 90 words on average, over the 65 that iqa_gaussian_score pays" in said
    assert said_by(iaa.fresh(), beauty(40, 40, 130, 130)) == []
    assert said_by(iaa.fresh(length_gate=None), beauty(40, 40, 40, 40)) == []
    assert said_by(iaa.fresh(length_gate=tr.LengthConfig(shortest=30)), beauty(40, 40, 40, 40)) == []


def test_repetition_and_tokens_are_named_for_what_they_are():
    iaa = tr.tatar_reward_funcs()[2]
    text = f"<think>{(thinking(20) + ' ') * 7}</think><answer>40</answer>"
    (said,) = said_by(iaa.fresh(), batch([text] * 4, task=["iaa"] * 4))
    assert (
        "4 of 4 readable completions think 140 words on average, but without what they repeat fewer than the 125"
        in said
    )
    tokens = iaa.fresh(length_gate=tr.LengthConfig(longest=3, unit="tokens"))
    (said,) = said_by(tokens, beauty(5, 5, 5, 5) | {"completion_ids": [list(range(9))] * 4})
    assert "4 of 4 readable completions are 9 tokens long on average, over the 3 that iaa_thurstone_rank" in said


def test_what_cannot_be_read_misses_no_budget():
    texts = ["dunno"] * 3 + [f"<think>{thinking(130)}</think><answer>40</answer>"]
    said = said_by(tr.tatar_reward_funcs()[2].fresh(), batch(texts, task=["iaa"] * 4))
    assert len(said) == 1
    assert "3 of 4 completions cannot be read" in said[0]


# ---------------------------------------------------------------- several processes


def test_the_share_is_that_of_all_ranks_and_the_example_comes_from_whichever_has_one():
    """Rank 0 can read all of its own and has no row of the last task."""

    def work(number):
        texts = [GOOD[0]] * 2 if number == 0 else ["Soft.</think><answer>40</answer>"] * 3
        columns = {"completions": texts, "trainer_state": None, "mos": [20.0 + 9 * k for k in range(len(texts))]}
        columns |= {"image_id": [f"{number}-{k}" for k in range(len(texts))], "completion_ids": [[1]] * len(texts)}
        columns |= {"task": ["iqa"] * 2 if number == 0 else ["iqa", "iqa", "iaa"]}
        rewards = [tr.AnswerFormatReward(), tr.GaussianScoreReward(), tr.LengthReward(), tr.ThurstoneRankReward(), tr.ThurstoneRankReward(task="iaa")]  # fmt: skip
        said = []
        for reward in rewards:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                reward(**columns)
                reward(**columns)
            said.append([str(w.message) for w in caught if "cannot be read" in str(w.message)])
        return said

    first, *others = on_ranks(3, work)
    assert others == [[[]] * 5] * 2
    assert all(len(said) == 1 for said in first)
    share = "cannot be read and earn 0.0, most often as unopened"
    for (said,), n in zip(first, ["6 of 8"] * 4 + ["2 of 2"], strict=True):
        assert f"{n} completions {share} ({'75%' if n == '6 of 8' else '100%'} of all)" in said
        assert "for example 'Soft.</think><answer>40</answer>'; the chat template writes <think>" in said


def test_rewards_are_the_same_whether_or_not_something_is_said():
    reward = tr.tatar_reward_funcs()[2]
    columns = beauty(*[40] * 6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_equal(reward(**columns), reward(**columns))


def test_a_task_of_another_name_is_told_once_where_no_row_counts():
    reward = tr.GaussianScoreReward(task="iqa", length_gate=None)
    quality = batch(GOOD * 4, task=["quality"] * 32)
    assert said_by(reward, quality) == []
    (said,) = said_by(reward, quality, calls=3)
    assert "none of the first 64 rows is of task 'iqa', so all earn None; task holds 'quality'; where that is" in said
    mixed = tr.GaussianScoreReward(task="iqa", length_gate=None)
    assert said_by(mixed, batch(GOOD * 4, task=["iaa"] * 31 + ["iqa"])) == []
    assert said_by(mixed, quality, calls=5) == []
