"""What GRPO takes of a GPU's memory with the configurations for real models, by parts. Needs no weights and no GPU.

    python benchmarks/memory.py [CHANGES OF THE CONFIGURATIONS, such as grpo.args.steps_per_generation=8]

The model has the sizes of Qwen2.5-VL and no values; activations are counted by autograd on tensors that have shapes
alone (`examples/recipe/memory.py`). A prompt of 1,080 tokens holds a large picture under `max_pixels: 786432`.
"""

import os
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[1]
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # of processors, which are not needed here
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "examples")]

from architectures.models import FULL_ROPE, QWEN2_5_VL  # noqa: E402
from transformers import Qwen2_5_VLConfig  # noqa: E402
from trl import GRPOConfig  # noqa: E402

from recipe.arguments import arguments_on_paper  # noqa: E402
from recipe.launch import shards_of  # noqa: E402
from recipe.memory import describe_memory, memory_of, rows_of  # noqa: E402
from recipe.yaml_files import load_recipe  # noqa: E402

PROMPT = 1080
CONFIGURATIONS = {"qwen2_5_vl_3b_lora_1gpu": "3b", "qwen2_5_vl_7b_8gpu": "7b"}


def config_of(size):
    chosen = QWEN2_5_VL[size]
    return Qwen2_5_VLConfig(
        text_config={**chosen["text"], "rope_parameters": FULL_ROPE},
        vision_config=chosen["vision"],
        tie_word_embeddings=chosen["tied"],
    )


def main() -> None:
    warnings.simplefilter("ignore", FutureWarning)
    for name, size in CONFIGURATIONS.items():
        recipe = load_recipe(ROOT / "examples" / "configs" / f"{name}.yaml", sys.argv[1:])
        args = arguments_on_paper(GRPOConfig, "grpo", recipe.grpo.args, recipe.launch.processes)
        rows = rows_of(recipe, args, PROMPT)
        memory = memory_of(config_of(size), recipe, rows, checkpointing=True, shards=shards_of(recipe))
        print(f"{name}: {rows.trained} rows of {PROMPT} and {rows.completion} tokens")
        print("\n".join(f"  {line}" for line in describe_memory(memory)))


if __name__ == "__main__":
    main()
