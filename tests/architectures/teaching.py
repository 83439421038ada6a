"""Teach a tiny model the form of an answer, so that its samples earn rewards that differ, and GRPO has a gradient."""

from pathlib import Path

import torch
from PIL import Image
from support.chat_server import BEAUTY, QUALITY
from transformers import AutoModelForImageTextToText, AutoProcessor, set_seed

from recipe.prompts import QUESTIONS, answer_text

STEPS = 200


def prompt_of(processor, task):
    content = [{"type": "image"}, {"type": "text", "text": QUESTIONS[task]}]
    return processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )


def teach(folder: Path, steps: int = STEPS) -> float:
    """Train the model of a folder on answers with chance scores, and write it back; returns its last loss."""
    set_seed(0)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(folder)
    sides = torch.randint(56, 200, (steps, 2, 2)).tolist()  # an answer must not depend on where in the text it begins
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)
    scores = torch.randint(20, 90, (steps, 2)).tolist()
    prompts = [prompt_of(processor, task) for task in ("iqa", "iaa")]
    for step in range(steps):
        answers = [answer_text(text, mos) for text, mos in zip((QUALITY, BEAUTY), scores[step], strict=True)]
        if prompts[0].rstrip().endswith("<think>"):
            answers = [answer.removeprefix("<think>") for answer in answers]
        answers = [answer + processor.tokenizer.eos_token for answer in answers]
        texts = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
        images = [[Image.new("RGB", tuple(size), "gray")] for size in sides[step]]
        form = {"padding": True, "padding_side": "left", "return_tensors": "pt", "add_special_tokens": False}
        inputs = processor(images=images, text=texts, **form)
        learnt = processor.tokenizer(answers, **form)["attention_mask"]  # answers end together, as the whole texts do
        labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
        labels[:, : -learnt.shape[1]] = -100
        labels[:, -learnt.shape[1] :][learnt == 0] = -100
        loss = model(**inputs, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    model.to(torch.bfloat16).save_pretrained(folder)
    return loss.item()
