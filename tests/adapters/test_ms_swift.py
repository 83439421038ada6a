"""ms-swift's own code loads a plugin, names its rewards and calls them."""

import copy
import dataclasses
import hashlib
import importlib
import os
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
from support.framework_calls import (
    ROWS,
    as_trl,
    make_rewards,
)
from support.real_code import pretend, take, write_plugin

torch = pytest.importorskip("torch", reason="the frameworks' code needs torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*(cannot be read|no other image)")


def test_ms_swift_loads_names_and_calls_the_rewards_of_a_plugin(tmp_path, monkeypatch):
    orms = {"accuracy": object}
    pretend(monkeypatch, "swift.rewards", orms=orms)
    load = take(
        "ms-swift",
        "swift/utils/utils.py",
        "import_external_file",
        importlib=importlib,
        os=os,
        sys=sys,
        hashlib=hashlib,
        _external_files=[],
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    load.import_external_file(
        write_plugin(
            tmp_path,
            "from support.framework_calls import make_rewards\n"
            "from swift.rewards import orms\n"
            "from tatar_rewards.adapters.ms_swift import reward_classes\n"
            "orms.update(reward_classes(make_rewards()))\n",
        )
    )
    expected = as_trl(make_rewards(), ROWS)
    names = list(expected[0])
    assert list(orms) == ["accuracy", *names]
    resolve = take("ms-swift", "swift/rlhf_trainers/utils.py", "resolve_reward_funcs").resolve_reward_funcs
    reward_funcs, logged = resolve(names, args=SimpleNamespace(num_generations=2))
    assert logged == names
    earned = compute_rewards(monkeypatch, reward_funcs)
    wanted = [[np.nan if row[name] is None else row[name] for name in names] for row in expected]
    np.testing.assert_allclose(earned.numpy(), wanted, atol=1e-6)


def compute_rewards(monkeypatch, reward_funcs):
    preprocessor = "swift/dataset/preprocessor/core.py"
    batched = take("ms-swift", preprocessor, "RowPreprocessor.rows_to_batched").rows_to_batched
    pretend(monkeypatch, "swift.dataset", RowPreprocessor=SimpleNamespace(rows_to_batched=batched))
    samples = take(
        "ms-swift",
        "swift/rl_core/data.py",
        "OnPolicySample",
        dataclass=dataclass,
        field=field,
        fields=dataclasses.fields,
        copy=copy,
        StandardKeys=take("ms-swift", preprocessor, "_pair_keys")._pair_keys,
    )
    compute = take(
        "ms-swift",
        "swift/rl_core/grpo_algorithm.py",
        "_is_async_reward",
        "compute_rewards_per_func",
        torch=torch,
        nn=torch.nn,
        logger=SimpleNamespace(warning=lambda text: None),
    )
    rows = [
        {"messages": [{"role": "assistant", "content": row["completion"]}], "images": ["a.jpg"], **row["truth"]}
        for row in ROWS
    ]
    return compute.compute_rewards_per_func(
        [samples.OnPolicySample.from_row(row) for row in rows],
        reward_funcs,
        None,
        torch.device("cpu"),
        trainer_state=SimpleNamespace(global_step=0),
    )
