"""Which columns of the data a reward reads, by its settings."""

from tatar_rewards.rewards.configs import AnswerConfig, LabelConfig, RankingConfig
from tatar_rewards.scales import as_scales


def columns_read(config: AnswerConfig) -> list[str]:
    """Every column that a reward with these settings looks for: those that its settings name.

    Examples:
        >>> columns_read(LabelConfig(mos_column="score"))
        ['task', 'score', 'dataset', 'image_id']
    """
    names = [getattr(config, field) for field in type(config).model_fields if field.endswith("_column")]
    return list(dict.fromkeys(name for name in names if name is not None))


def needed_columns(config: AnswerConfig) -> list[str]:
    """Those of them without which a call raises.

    Examples:
        >>> needed_columns(LabelConfig(task="iqa", mos_std_column="sd"))
        ['task', 'mos', 'sd']
    """
    needed = [config.task_column] if config.task is not None else []
    if isinstance(config, LabelConfig):
        needed.append(config.mos_column)
        scales = [scale for scale in (config.mos_scale, config.mos_std_scale) if scale is not None]
        needed += [config.dataset_column] if any(isinstance(as_scales(scale), dict) for scale in scales) else []
    if isinstance(config, RankingConfig) and config.num_generations is None:
        needed.append(config.image_id_column)
    for name, field in type(config).model_fields.items():  # those that are off by default
        if name.endswith("_column") and field.default is None and getattr(config, name) is not None:
            needed.append(getattr(config, name))
    return list(dict.fromkeys(needed))
