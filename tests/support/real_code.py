"""Functions and classes of other frameworks, taken out of a checkout as they stand there, without their imports.

`TATAR_FRAMEWORKS` names a folder with a checkout of each; `make test-adapters` fetches them.
"""

import __future__

import ast
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest


def source(framework, file):
    """The path of a file of a framework; the test is skipped where there is no checkout."""
    folder = os.environ.get("TATAR_FRAMEWORKS")
    if folder is None:
        pytest.skip("TATAR_FRAMEWORKS names no folder with checkouts of the frameworks; run make test-adapters")
    path = Path(folder) / framework / file
    if not path.parents[len(Path(file).parts) - 1].is_dir():
        pytest.skip(f"there is no checkout of {framework} in {folder}")
    return path


def take(framework, file, *names, **needs):
    """Definitions of a file by name, `Class.method` for a method alone, which share a namespace with what they need."""
    path = source(framework, file)
    tree = ast.parse(path.read_text())
    taken = [_find(tree, name) for name in names]
    namespace = {"__name__": f"{framework}.{path.stem}", **needs}
    code = compile(
        ast.Module(taken, type_ignores=[]), str(path), "exec", flags=__future__.annotations.compiler_flag
    )  # what only annotations name need not be there
    sys.modules.setdefault(namespace["__name__"], ModuleType(namespace["__name__"]))  # dataclasses look there
    exec(code, namespace)
    return SimpleNamespace(**{name.rpartition(".")[2]: namespace[name.rpartition(".")[2]] for name in names})


def _find(tree, name):
    body = tree.body
    *classes, last = name.split(".")
    for one in classes:
        body = next(node for node in body if getattr(node, "name", None) == one).body
    node = next(node for node in body if last in _defines(node))
    if classes:
        node.decorator_list = []
    return node


def _defines(node):
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return {getattr(node, "name", None), *(getattr(target, "id", None) for target in targets)} - {None}


def pretend(monkeypatch, module, **attributes):
    """A module of that name, for the imports within functions."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        name = ".".join(parts[:end])
        if name not in sys.modules:
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
    for name, value in attributes.items():
        monkeypatch.setattr(sys.modules[module], name, value, raising=False)


class Characters:
    """A tokenizer with a token a character, and a processor that multiplies the token of an image."""

    image_processor, image_token, n_image_tokens = object(), "<|image_pad|>", 5

    def __call__(self, text, images=None, **settings):
        import torch

        text = text[0] if isinstance(text, list) else text
        if images:
            text = text.replace(self.image_token, self.image_token * self.n_image_tokens)
        return {"input_ids": torch.tensor([[ord(character) for character in text]])}

    def decode(self, ids, skip_special_tokens):
        text = "".join(chr(token) for token in ids)
        return text.replace("<|im_end|>", "") if skip_special_tokens else text


def write_plugin(folder, text, *, name="my_rewards.py"):
    """A user's file; its path."""
    (folder / name).write_text(text)
    return str(folder / name)


def plugin_of(adapter, function, *, rewards="make_rewards_for_one_sample"):
    """Its text, where a function of these rewards is all it holds."""
    return (
        f"from support.framework_calls import {rewards}\n"
        f"from tatar_rewards.adapters.{adapter} import scorer\n"
        f"{function} = scorer({rewards}())\n"
    )
