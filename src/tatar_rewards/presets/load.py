"""Rewards by dotted path, for configurations that name them."""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import Any

from tatar_rewards import rewards
from tatar_rewards.rewards import LabelConfig, Reward
from tatar_rewards.rewards.frozen_config import unknown_setting
from tatar_rewards.wording import in_words, nearest, with_kind

WITHOUT_NAMES = "recommended"  # what commands take where no rewards are named
_WHERE = "module.name is looked up in installed modules and in the current folder"


def load_reward_funcs(paths: Sequence[str], **settings: Any) -> list[Callable[..., Any]]:
    """Ready rewards by dotted path, from installed modules and those of the current folder.

    Args:
        paths: `module.name` each: of a reward, of a list of rewards, of a preset, or of a class of this package. A name
            of `tatar_rewards.presets` needs no module, and neither does the name that a reward is logged under:
            `recommended`, `gaussian_score`.
        **settings: Of those of this package, such as `mos_scale=(1, 5)`; a reward without labels takes none on labels.

    Raises:
        ImportError: there is no such module, or it fails, or ends the program, while it is imported.
        AttributeError: the module has no such name.
        TypeError: `paths` is no list of names, or what is named does not take a setting.
        ValueError: a path names no reward.

    Examples:
        >>> [reward.__name__ for reward in load_reward_funcs(["tatar_rewards.presets.answer_format", "mr_iqa"])]
        ['answer_format', 'answer_format', 'thurstone_rank']
    """
    if isinstance(paths, str | bytes) or not isinstance(paths, Iterable):
        raise TypeError(f"paths must be a list of names, such as ['recommended']; got {paths!r:.80}")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as an interpreter would
    loaded: list[Callable[..., Any]] = []
    for path in paths:
        if not isinstance(path, str):
            raise TypeError(f"paths must hold names, such as 'recommended'; got {path!r:.80}")
        loaded += _made(path, _looked_up(path), settings)
    return loaded


def takes_settings(path: str) -> bool:
    """Whether it names something of this package, which takes settings; a reward of the user's own has its own."""
    return _takes_settings(path, _looked_up(path))


def _looked_up(path: str) -> Any:
    """What the path names; None where nothing without a module has that name."""
    module, _, name = path.rpartition(".")
    if not module and name in _names_of_presets():
        module = str(__package__)
    return _attribute(_import(module, path), name) if module else _classes_by_name().get(name)


def _takes_settings(path: str, found: Any) -> bool:
    ready = isinstance(found, Reward) and path.rpartition(".")[0] in ("", __package__)
    return _is_preset(found) or _is_class_of_rewards(found) or ready


def _made(path: str, found: Any, settings: dict[str, Any]) -> list[Callable[..., Any]]:
    """The rewards that a path names."""
    if settings and found is not None and not _takes_settings(path, found):
        raise TypeError(f"{path} has settings of its own; leave {', '.join(f'{name}=' for name in settings)} out")
    if _is_preset(found):
        return list(found(**settings))
    if _is_class_of_rewards(found):
        made: Any = _with_settings(path, found(), settings)
        return [made]
    if inspect.isclass(found):
        raise ValueError(f"reward_funcs must name ready rewards, and {path!r} is a class; name an object of it")
    if isinstance(found, list | tuple):
        for number, one in enumerate(found):
            if not callable(one):
                raise ValueError(f"reward_funcs: {path}[{number}] is {one!r:.60}, no reward; mend the list")
        if not found:
            raise ValueError(f"reward_funcs: {path} is empty; put rewards into it")
        return list(found)
    if not callable(found):
        cure = _cure(path) or f"; {_without_a_module()}"
        raise ValueError(f"reward_funcs must name ready rewards, or a list of them, as module.name; got {path!r}{cure}")
    ready: Any = _with_settings(path, found, settings) if isinstance(found, Reward) and settings else found
    return [ready]


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


def _with_settings(path: str, reward: Reward[Any], settings: dict[str, Any]) -> Reward[Any]:
    """With those of the settings that it takes: a reward without labels takes none on labels."""
    known = type(reward.config).model_fields
    for name in settings:
        if name not in known and name not in LabelConfig.model_fields:
            raise TypeError(f"{path}: {unknown_setting(name, list(known))}")
    return reward.fresh(**{name: value for name, value in settings.items() if name in known})


def _is_preset(found: Any) -> bool:
    """Whether it is one of the functions that this package names, besides the one that loads."""
    presets = vars(sys.modules[__package__])
    return inspect.isfunction(found) and any(presets.get(name) is found for name in _names_of_presets())


def _is_class_of_rewards(found: Any) -> bool:
    return inspect.isclass(found) and issubclass(found, Reward) and found is not Reward


def _classes_by_name() -> dict[str, type[Reward[Any]]]:
    """The classes of rewards, by their own names and those that their objects are logged under."""
    exported = [getattr(rewards, name) for name in rewards.__all__]
    classes = {made().__name__: made for made in exported if _is_class_of_rewards(made)}
    return classes | {made.__name__: made for made in classes.values()}


def _import(module: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        itself = error.name is not None and f"{module}.".startswith(f"{error.name}.")
        cure = _cure(path) or f"; {_WHERE}; {_without_a_module()}" * itself
        raise ImportError(f"{error}{cure}" if itself else f"{path}: {error}", name=error.name) from None
    except (Exception, SystemExit) as error:
        raise ImportError(f"module {module!r} fails while it is imported: {with_kind(error)}") from error


def _names_without_module() -> list[str]:
    return sorted({*_names_of_presets(), *_classes_by_name()})


def _without_a_module() -> str:
    short = [name for name in _names_without_module() if name.islower() and not name.endswith("_reward_funcs")]
    return f"without a module there are {', '.join(short)}"
