"""Rewards by dotted path, for configurations that name them."""

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from tatar_rewards import rewards
from tatar_rewards.rewards import Reward
from tatar_rewards.wording import in_words, nearest, with_kind

WITHOUT_NAMES = "recommended"  # what commands take where no rewards are named
_WHERE = "module.name is looked up in installed modules and in the current folder"


def load_reward_funcs(paths: Sequence[str], **settings: Any) -> list[Callable[..., Any]]:
    """Ready rewards by dotted path, from installed modules and those of the current folder.

    Args:
        paths: `module.name` each: of a reward, of a list of rewards, of a preset, or of a class of this package. A name
            of `tatar_rewards.presets` needs no module, and neither does the name that a reward is logged under:
            `recommended`, `gaussian_score`.
        **settings: Of the presets and classes among them, such as `mos_scale=(1, 5)`.

    Raises:
        ImportError: there is no such module, or it fails, or ends the program, while it is imported.
        AttributeError: the module has no such name.
        TypeError: a preset or a class does not take a setting.
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
    found: Any = _attribute(_import(module, path), name) if module else _classes_by_name().get(name)
    if _is_preset(name, found) or _is_class_of_rewards(found):
        found = found(**settings)  # it is no reward but makes some
    if inspect.isclass(found):
        raise ValueError(f"reward_funcs must name ready rewards, and {path!r} is a class; name an object of it")
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
    """The name that was probably meant, with a module as the path has one or without."""
    presets = [f"{__package__}.{name}" for name in _names_of_presets()] * ("." in path)
    likely = nearest(path, [*_names_without_module(), *presets], cutoff=0.7)
    return "" if likely is None else f"; did you mean {likely!r}?"


def _names_of_presets() -> list[str]:
    return [name for name in sys.modules[__package__].__all__ if name != load_reward_funcs.__name__]


def takes_settings(path: str) -> bool:
    """Whether it is a preset or a class, which take settings, and no ready reward, which has them."""
    module, _, name = path.rpartition(".")
    if module in ("", __package__) and _is_preset(name, vars(sys.modules[__package__]).get(name)):
        return True
    if not module:
        return name in _classes_by_name() and name not in _names_of_presets()
    return module in sys.modules and _is_class_of_rewards(getattr(sys.modules[module], name, None))


def _is_preset(name: str, found: Any) -> bool:
    """Whether it is one of the functions that this package names, besides the one that loads."""
    presets = sys.modules[__package__]
    named = name in presets.__all__ and vars(presets).get(name) is found
    return named and inspect.isfunction(found) and found is not load_reward_funcs


def _is_class_of_rewards(found: Any) -> bool:
    return inspect.isclass(found) and issubclass(found, Reward) and found is not Reward


def _classes_by_name() -> dict[str, type[Reward[Any]]]:
    """The classes of rewards, by the names that their objects are logged under."""
    exported = [getattr(rewards, name) for name in rewards.__all__]
    return {made().__name__: made for made in exported if _is_class_of_rewards(made)}


def _import(module: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        itself = error.name is not None and f"{module}.".startswith(f"{error.name}.")
        cure = _cure(path) or f"; {_WHERE}; {_without_a_module()}" * itself
        raise ImportError(f"{error}{cure}", name=error.name) from None
    except (Exception, SystemExit) as error:
        raise ImportError(f"module {module!r} fails while it is imported: {with_kind(error)}") from error


def _names_without_module() -> list[str]:
    return sorted({*_names_of_presets(), *_classes_by_name()})


def _without_a_module() -> str:
    short = [name for name in _names_without_module() if not name.endswith("_reward_funcs")]
    return f"without a module there are {', '.join(short)}"
