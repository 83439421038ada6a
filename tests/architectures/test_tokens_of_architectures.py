"""What each chat template makes of the recipe's messages: which tokens SFT trains on, and what the stages ask with."""

from types import SimpleNamespace

import pytest
import torch
from architectures import runs, table
from architectures.models import ARCHITECTURES

import evaluate_model
import train_grpo
import train_sft
from recipe.models import load_model
from recipe.pictures import load_pictures
from recipe.prompts import questions_of
from recipe.yaml_files import load_recipe
from tatar_rewards import parse_answer

pytestmark = pytest.mark.slow
THINKING = "qwen2_5_vl_thinking"
ENDS = {  # of an assistant's turn: the token that stops generation, and what the template writes after it
    "idefics3": ("<end_of_utterance>", "\n"),
    "llava_onevision": ("<|im_end|>", ""),
    "gemma3": ("<end_of_turn>", "\n"),
}
# What SFT trains on before the answer, since it stands in an answer's turn and not in the prompt for an answer.
LEADS = {"idefics3": " ", "llava_onevision": " \n"}
# The end of the prompt for an answer that stands in no answer's turn.
DROPPED = {"llava_onevision": "\n"}


@pytest.fixture(scope="module", params=[*ARCHITECTURES, THINKING])
def run(request, tmp_path_factory, checkpoints, pictures):
    """An architecture with its rationales, and its recipe."""
    name, folder = request.param, tmp_path_factory.mktemp("tokens")
    frozen = runs.for_architecture(name.removesuffix("_thinking"))
    changes = [frozen, f"think_prefilled={str(name == THINKING).lower()}", *runs.limit_of(name)]
    argv = runs.flags(runs.LORA, folder, checkpoints(name), pictures, *changes)
    runs.write_rationales(argv, folder / "said")
    recipe = load_recipe(runs.config_file(runs.LORA), argv[3:])
    return SimpleNamespace(name=name, argv=argv, recipe=recipe, said=folder / "said")


def rows_of(batch):
    """The tokens and the labels of each row, without padding."""
    for tokens, labels, mask in zip(batch["input_ids"], batch["labels"], batch["attention_mask"], strict=True):
        yield tokens[mask == 1], labels[mask == 1]


def asked_with(model, call):
    """The first tokens that a call brings before the model, row by row and without padding."""
    seen = []

    def look(_, __, inputs):
        seen.append((inputs["input_ids"], inputs["attention_mask"]))

    hook = model.register_forward_pre_hook(look, with_kwargs=True)
    call()
    hook.remove()
    return [tuple(row[mask == 1].tolist()) for row, mask in zip(*seen[0], strict=True)]


def test_sft_trains_on_the_answer_and_the_end_of_its_turn_and_on_nothing_else(run):
    trainer = train_sft.make_trainer(run.recipe, train_sft.read_examples(run.recipe))
    processor = trainer.processing_class
    examples = {e.answer: e for e in train_sft.read_examples(run.recipe)}
    end, after = ENDS.get(run.name, ("<|im_end|>", "\n"))
    lengths = set()
    for batch in trainer.get_train_dataloader():
        for tokens, labels in rows_of(batch):
            learnt = labels != -100
            assert torch.equal(tokens[learnt], labels[learnt])
            begin = int(learnt.nonzero()[0])
            assert learnt[begin:].all(), "all from the first to the last"
            text = processor.tokenizer.decode(labels[learnt])
            assert text.startswith(LEADS.get(run.name, ""))
            assert text.endswith(f"</answer>{end}{after}")
            assert processor.tokenizer.convert_tokens_to_ids(end) == processor.tokenizer.eos_token_id
            said = text.removesuffix(after).removesuffix(end)
            answer = parse_answer(("<think>" if run.name == THINKING else "") + said)
            assert answer.ok, text
            assert (said in examples) or run.name in (*LEADS, THINKING)
            assert processor.image_token_id not in labels
            lengths.add(begin)
    assert len(lengths) > 1, "pictures of different sizes cost different numbers of tokens" * (run.name != "gemma3")
    table.ran(run.name, "labels of SFT")


def test_every_stage_asks_with_the_same_tokens(run):
    """What SFT masks, what GRPO samples from and what the evaluation asks with."""
    recipe, questions = run.recipe, questions_of(run.recipe)
    pictures = load_pictures(recipe.data.grpo, recipe.out / "pictures.jsonl")
    model, processor = load_model(recipe.model.path, recipe.model)
    evaluated = asked_with(model, lambda: evaluate_model.generate(model, processor, pictures, questions, 2))
    first = processor.tokenizer.bos_token_id
    assert all(prompt.count(first) <= 1 for prompt in evaluated), "a text begins once"

    trainer = train_sft.make_trainer(recipe, train_sft.read_examples(recipe))
    dropped = processor.tokenizer.encode(DROPPED.get(run.name, ""), add_special_tokens=False)
    masked = set()
    for batch in trainer.get_train_dataloader():
        for tokens, labels in rows_of(batch):
            masked.add((*tokens[labels == -100].tolist(), *dropped))
    assert masked == set(evaluated)

    start = train_grpo.make_trainer(
        recipe, load_pictures(recipe.data.grpo, recipe.out / "pictures.jsonl"), recipe.model.path
    )
    start.args.max_steps = 1
    sampled = asked_with(start.model.base_model.model, start.train)
    assert set(sampled) <= set(evaluated)
    assert len(sampled) == 16
    assert len(set(sampled)) > 1
    table.ran(run.name, "prompts of the stages are alike")
