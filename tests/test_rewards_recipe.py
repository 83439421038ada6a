"""`tatar_reward_funcs`: three rewards that pay for brief quality and deliberate aesthetics."""

import pytest
from support.reward_calls import GOOD, LONG, batch

import tatar_rewards as tr


def test_the_recipe_pays_brief_quality_and_deliberate_aesthetics():
    columns = batch(GOOD)
    form, quality, beauty = (reward(**columns) for reward in tr.tatar_reward_funcs())
    assert form == [1.0] * 8
    assert [value is None for value in quality] == [False, False, True, True] * 2
    assert [value is None for value in beauty] == [True, True, False, False] * 2
    swapped = [text.replace("Sharp.", LONG) if "Sharp." in text else text.replace(LONG, "Sharp.") for text in GOOD]
    _, quality, beauty = (reward(**batch(swapped)) for reward in tr.tatar_reward_funcs())
    assert {value for value in quality + beauty if value is not None} == {0.0}


def test_the_recipe_passes_its_settings_on():
    form, quality, beauty = tr.tatar_reward_funcs(
        iqa_task="q",
        iaa_task="a",
        iqa_budget=tr.LengthConfig(longest=20),
        iaa_budget=tr.LengthConfig(shortest=40),
        iqa=tr.GaussianScoreConfig(tolerance=5.0),
        iaa=tr.ThurstoneRankConfig(dispersion="observer"),
        think_prefilled=True,
        mos_scale=tr.ScoreScale(1, 5),
    )
    assert (form.config.think_prefilled, form.config.task) == (True, None)
    config = quality.config
    assert (config.tolerance, config.task, config.mos_scale.high, config.length_gate.longest) == (5.0, "q", 5, 20)
    config = beauty.config
    assert (config.dispersion, config.task, config.think_prefilled) == ("observer", "a", True)
    assert config.length_gate.shortest == 40
    with pytest.raises(TypeError, match="mos_scael"):
        tr.tatar_reward_funcs(mos_scael=tr.ScoreScale(1, 5))
