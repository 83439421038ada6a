"""One mixed batch, and how each framework hands it to a reward, as the code that is quoted builds the call."""

import asyncio
import json
import warnings
from types import SimpleNamespace
from typing import Literal

from pydantic import BaseModel, ConfigDict

import tatar_rewards as tr

LONG = " ".join(f"word{k}" for k in range(30))


def row(completion, mos, task, image_id, dataset="koniq"):
    return {"completion": completion, "truth": {"mos": mos, "task": task, "image_id": image_id, "dataset": dataset}}


def answer(score):
    return f"<think>{LONG}</think><answer>{score}</answer>"


# Two completions an image, quality and aesthetics in turn; unreadable answers; an image without a label.
ROWS = [
    row(answer(40), 2.5, "iqa", "q1.jpg"),
    row("<answer>55</answer>", 2.5, "iqa", "q1.jpg"),
    row(answer(30), 2.0, "iaa", "a1.jpg", "ava"),
    row(answer(45), 2.0, "iaa", "a1.jpg", "ava"),
    row("I cannot tell.", 4.2, "iqa", "q2.jpg"),
    row("<answer>85</answer> or <answer>20</answer>", 4.2, "iqa", "q2.jpg"),
    row(answer(70), 4.4, "iaa", "a2.jpg", "ava"),
    row("<answer>", 4.4, "iaa", "a2.jpg", "ava"),
    row(answer(60), None, "iaa", "a3.jpg", "ava"),
    row(answer(50), None, "iaa", "a3.jpg", "ava"),
    row(answer(90), 3.1, "iaa", "a4.jpg", "ava"),
    row(answer(52), 3.1, "iaa", "a4.jpg", "ava"),
]


def make_rewards(**opponents):
    """A format for all rows, a score for quality, and for aesthetics two rankings and a score of all answers."""
    on_iaa = {"task": "iaa", "mos_scale": (1, 5)}
    return [
        tr.AnswerFormatReward(),
        tr.GaussianScoreReward(task="iqa", mos_scale=(1, 5)),
        tr.ThurstoneRankReward(loss="margin", temperature=40.0, **on_iaa, **opponents),
        tr.WinRateReward(weight=0.3, **on_iaa, **opponents),
        tr.CrpsScoreReward(weight=0.3, **on_iaa),
    ]


def make_rewards_for_one_sample():
    return make_rewards(opponents="memory")[:4]


# ---------------------------------------------------------------- TRL, whose numbers the others must give


def as_trl(rewards, rows):
    """Each row's rewards by name, None among them: keywords only, and messages since the prompts hold pictures."""
    columns = {name: [row["truth"].get(name) for row in rows] for name in rows[0]["truth"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of unreadable answers, which are meant here
        earned = [
            reward(
                prompts=[[{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Rate it."}]}]]
                * len(rows),
                completions=[[{"role": "assistant", "content": row["completion"]}] for row in rows],
                completion_ids=[[1, 2, 3]] * len(rows),
                images=[[object()]] * len(rows),
                **columns,
                trainer_state=SimpleNamespace(global_step=0, max_steps=10),
                log_extra=lambda column, values: None,
                log_metric=lambda name, value: None,
            )
            for reward in rewards
        ]
    names = [reward.__name__ for reward in rewards]
    return [dict(zip(names, values, strict=True)) for values in zip(*earned, strict=True)]


def as_trl_one_by_one(rewards, rows):
    """The same with a call for every row."""
    return [as_trl(rewards, [row])[0] for row in rows]


def numbers(parts, total):
    """What they become where a framework takes no None: 0.0, and the sum first."""
    known = {name: 0.0 if value is None else value for name, value in parts.items()}
    return {total: sum(known.values()), **known}


def expected_of_one_sample():
    """What the batch earns, sample by sample."""
    return [numbers(parts, "score") for parts in as_trl_one_by_one(make_rewards_for_one_sample(), ROWS)]


# ---------------------------------------------------------------- the others


def as_ms_swift(reward, rows):
    """`compute_rewards_per_func` in swift/rl_core/grpo_algorithm.py, ms-swift 4.6.0.

    `to_reward_row` of swift/rl_core/data.py makes the rows, `rows_to_batched` the columns.
    """
    reward_rows = [
        {
            "messages": [{"role": "user", "content": "Rate it."}, {"role": "assistant", "content": row["completion"]}],
            "prompt_id": row["truth"]["image_id"],
            "request_id": f"chatcmpl-{number}",
            "finish_reason": "stop",
            "is_truncated": False,
            "rollout_infos": {},
            "response_token_ids": [[1, 2, 3]],
            "images": [{"bytes": None, "path": row["truth"]["image_id"]}],
            **row["truth"],
        }
        for number, row in enumerate(rows)
    ]
    completions = [row["messages"][-1]["content"] for row in reward_rows]
    reward_kwargs = {"trainer_state": SimpleNamespace(global_step=0, max_steps=10)}
    reward_kwargs.update({name: [row[name] for row in reward_rows] for name in reward_rows[0]})
    return reward(completions, **reward_kwargs)


def as_easyr1(compute_score, rows, *, truth=dict):
    """`compute_reward_batch` in verl/workers/reward/function.py, EasyR1 b44b311."""
    return compute_score(
        [{"response": row["completion"], "response_length": 30, "ground_truth": truth(row["truth"])} for row in rows]
    )


def as_verl(compute_score, row, *, truth=dict, extra=()):
    """`run_single` in verl/experimental/reward_loop/reward_manager/naive.py, verl 0.9.1.

    The columns in `extra` stand in extra_info, and the data set in data_source.
    """
    truths = dict(row["truth"])
    extra_info = {name: truths.pop(name) for name in extra} | {"index": 3, "split": "train"}
    extra_info["num_turns"], extra_info["rollout_reward_scores"] = None, {}
    return compute_score(
        data_source=truths.pop("dataset"),
        solution_str=row["completion"],
        ground_truth=truth(truths),
        extra_info=extra_info,
    )


QWEN = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|>{}<|vision_end|>"
    "How good is the picture? Answer in <answer> tags.<|im_end|>\n<|im_start|>assistant\n"
)


def as_openrlhf(reward_func, rows, *, n_image_tokens=391):
    """`execute` and `_fetch_rewards_via_func` in openrlhf/utils/agent.py, OpenRLHF 0.11.2.

    The query is decoded from tokens with the special ones: the processor has multiplied the image's by then.
    """

    async def fetch(row):
        queries = [QWEN.format("<|image_pad|>" * n_image_tokens) + row["completion"] + "<|im_end|>"]
        labels = [json.dumps(row["truth"])]
        return await asyncio.gather(
            asyncio.to_thread(reward_func, queries, [QWEN.format("<|image_pad|>")], labels),
        )

    async def one_after_the_other():
        return [(await fetch(row))[0] for row in rows]

    return asyncio.run(one_after_the_other())


def slime_samples(rows):
    """Sample in slime/utils/types.py and Dataset in slime/utils/data.py, slime 624b824; two samples a group.

    GenerateState in slime/rollout/sglang_rollout.py keeps special tokens and the stop token.
    """
    return [
        SimpleNamespace(
            group_index=number // 2,
            index=number,
            prompt=QWEN.format("<|image_pad|>"),
            response=row["completion"] + "<|im_end|>",
            label=json.dumps({"mos": row["truth"]["mos"]}),
            metadata={name: value for name, value in row["truth"].items() if name != "mos"},
            reward=None,
        )
        for number, row in enumerate(rows)
    ]


def slime_args(**changes):
    """The defaults in slime/utils/arguments.py, slime 624b824."""
    args = {"reward_key": None, "group_rm": False, "rewards_normalization": True, "grpo_std_normalization": True}
    return SimpleNamespace(**(args | {"advantage_estimator": "grpo"} | changes))


class TaskData(BaseModel):
    """TaskData in verifiers/v1/task.py, verifiers 0.4.0, and a user's fields."""

    model_config = ConfigDict(frozen=True)
    idx: int | None = None
    name: str | None = None
    prompt: str | None = None
    image: str | None = None  # of Docker
    mos: float | None
    task: str
    image_id: str
    dataset: str


class AssistantMessage(BaseModel):
    """AssistantMessage in verifiers/v1/types.py."""

    role: Literal["assistant"] = "assistant"
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[str] | None = None


def as_verifiers(reward, row, *, reasoning=None):
    """`invoke` in verifiers/v1/utils/decorators.py, by the names of the parameters; the coroutine."""
    trace = SimpleNamespace(
        assistant_messages=[AssistantMessage(content=row["completion"], reasoning_content=reasoning)]
    )
    return reward(task=TaskData(idx=1, prompt="Rate it.", **row["truth"]), trace=trace)
