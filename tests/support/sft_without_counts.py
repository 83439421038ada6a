"""SFT of a model that says of itself that its loss takes no count of tokens, as Qwen2.5-VL, Qwen3-VL and Gemma 3 do."""

from transformers import LlavaForConditionalGeneration

import train_sft


def main():
    LlavaForConditionalGeneration.accepts_loss_kwargs = False
    train_sft.main()
