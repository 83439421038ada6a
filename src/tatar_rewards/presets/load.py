"""Rewards by dotted path, for configurations that name them."""

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from tatar_rewards.wording import in_words, nearest, with_kind

_WHERE = "module.name is looked up in installed modules and in the current folder"


def load_reward_funcs(paths: Sequence[str], **settings: Any) -> list[Callable[..., Any]]:
    """Ready rewards by dotted path, from installed modules and those of the current folder.

    Args:
        paths: `module.name` each: of a reward, of a list of rewards, or of a preset. A name of `tatar_rewards.presets`
            needs no module: `recommended`.
        **settings: Of the presets among them, such as `mos_scale=(1, 5)`.

    Raises:
        ImportError: there is no such module, or it fails, or ends the program, while it is imported.
        AttributeError: the module has no such name.
        TypeError: a preset does not take a setting.
        ValueError: a path names no reward.

    Examples:
        >>> [reward.__name__ for reward in load_reward_funcs(["tatar_rewards.presets.answer_format", "mr_iqa"])]
        ['answer_format', 'answer_format', 'thurstone_rank']
    """
    if "" not in sys.path:
        sys.path.insert(0, "")  # as an interpreter would
    rewards: list[Callable[..., Any]] = []
    for path in paths:
        found = _found(path, settings)
        rewards += found if isinstance(found, list | tuple) else [found]
    return rewards


def _found(path: str, settings: dict[str, Any]) -> Any:
    """What the path names: a reward or a list of them."""
    module, _, name = path.rpartition(".")
    if not module and name in _names_of_presets():
        module = str(__package__)
    found: Any = _attribute(_import(module, path), name) if module else None
    if _is_preset(name, found):
        found = found(**settings)  # it is no reward but makes some
    if not callable(found) and not isinstance(found, list | tuple):
        cure = _cure(path) or f"; {_without_a_module()}"
        raise ValueError(f"reward_funcs must name ready rewards, or a list of them, as module.name; got {path!r}{cure}")
    return found


def _attribute(module: ModuleType, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError as error:
        likely = nearest(name, (known for known in dir(module) if not known.startswith("_")))
        cure = "" if likely is None else f"; did you mean {f'{module.__name__}.{likely}'!r}?"
        raise AttributeError(f"{in_words(error)}{cure}") from None


def _cure(path: str) -> str:
    """The preset that was probably meant, with a module as the path has one or without."""
    presets = _names_of_presets()
    likely = nearest(path, presets + [f"{__package__}.{name}" for name in presets] * ("." in path), cutoff=0.7)
    return "" if likely is None else f"; did you mean {likely!r}?"


def _names_of_presets() -> list[str]:
    return [name for name in sys.modules[__package__].__all__ if name != load_reward_funcs.__name__]


def names_a_preset(path: str) -> bool:
    """Whether it is a preset, which takes settings, and no ready reward, which has them."""
    module, _, name = path.rpartition(".")
    return module in ("", __package__) and _is_preset(name, vars(sys.modules[__package__]).get(name))


def _is_preset(name: str, found: Any) -> bool:
    """Whether it is one of the functions that this package names, besides the one that loads."""
    presets = sys.modules[__package__]
    named = name in presets.__all__ and vars(presets).get(name) is found
    return named and inspect.isfunction(found) and found is not load_reward_funcs


def _import(module: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        itself = error.name is not None and f"{module}.".startswith(f"{error.name}.")
        cure = _cure(path) or f"; {_WHERE}; {_without_a_module()}" * itself
        raise ImportError(f"{error}{cure}", name=error.name) from None
    except (Exception, SystemExit) as error:
        raise ImportError(f"module {module!r} fails while it is imported: {with_kind(error)}") from error


def _without_a_module() -> str:
    return f"without a module there are {', '.join(_names_of_presets())}"
