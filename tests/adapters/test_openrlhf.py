"""OpenRLHF's own code loads a file and rewards pictures, one sample at a time."""

import asyncio
import json
from abc import ABC, abstractmethod
from copy import deepcopy
from itertools import cycle
from types import SimpleNamespace

import pytest
from support.framework_calls import (
    QWEN,
    ROWS,
    expected_of_one_sample,
)
from support.real_code import Characters, plugin_of, pretend, take, write_plugin

torch = pytest.importorskip("torch", reason="the frameworks' code needs torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*(cannot be read|no other image)")


class Engine:
    """vLLM, which says what it is told."""

    def __init__(self, completion):
        self.completion = completion

    async def generate(self, prompt_token_ids, sampling_params, multi_modal_data=None):
        assert len(multi_modal_data["image"]) == 1
        ids = [ord(letter) for letter in self.completion + "<|im_end|>"]
        output = SimpleNamespace(token_ids=ids, text=self.completion, finish_reason="stop", logprobs=None)
        return SimpleNamespace(outputs=[output])


def test_openrlhf_loads_a_file_and_rewards_pictures(tmp_path, monkeypatch):
    file = write_plugin(tmp_path, plugin_of("openrlhf", "reward_func"))
    vlm = take(
        "OpenRLHF",
        "openrlhf/utils/vlm_utils.py",
        "process_prompt_with_images",
        load_images=lambda images: images,
    )
    pretend(monkeypatch, "openrlhf.utils.vlm_utils", process_prompt_with_images=vlm.process_prompt_with_images)
    agents = take(
        "OpenRLHF",
        "openrlhf/utils/agent.py",
        "AgentExecutorBase",
        "SingleTurnAgentExecutor",
        ABC=ABC,
        abstractmethod=abstractmethod,
        asyncio=asyncio,
        cycle=cycle,
        deepcopy=deepcopy,
        logger=SimpleNamespace(info=print),
    )
    executor = agents.SingleTurnAgentExecutor([file])
    settings = SimpleNamespace(max_tokens=1000, logprobs=None)

    async def one_after_the_other():
        return [
            await executor.execute(
                QWEN.format("<|image_pad|>"),
                json.dumps(row["truth"]),
                settings,
                max_length=4096,
                hf_tokenizer=Characters(),
                llm_engine=Engine(row["completion"]),
                images=[object()],
            )
            for row in ROWS
        ]

    maker = "openrlhf/trainer/ppo_utils/samples_generator.py"
    method = "SamplesGenerator._process_response_into_experience"
    to_experience = take("OpenRLHF", maker, method, torch=torch, Experience=SimpleNamespace)
    for response, parts in zip(asyncio.run(one_after_the_other()), expected_of_one_sample(), strict=True):
        experience = to_experience._process_response_into_experience(None, response)
        for value in (experience.rewards, experience.scores):
            assert (value.shape, value.dtype) == ((1,), torch.float32)
            assert value.item() == pytest.approx(parts["score"], abs=1e-6)
        logged = {name: experience.info[name].item() for name in parts if name != "score"}
        assert logged == pytest.approx({name: parts[name] for name in logged}, abs=1e-6)
