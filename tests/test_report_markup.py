"""No value of a run becomes markup of its page: not a name, not an answer, not a setting."""

import json

import pytest
from support import made_up_run as made_up
from support.pages import Page

pytestmark = pytest.mark.slow
INJECTIONS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "</style><style>*{display:none}</style>",
    "</blockquote></div></body><h1>gone</h1>",
    "<!-- ",
    "]]><![CDATA[",
    "{{ 7 * 7 }}{% for x in y %}",
    "javascript:alert(1)",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "&lt;script&gt;alert(1)&#60;/script&#62;",
    "\x00\x08<\x00script>\ud800\u202e$\\frac{$",
)


def page_with(folder, text):
    """A page with the text wherever a run can bring one: names, ids, words, settings, the name of the config."""
    setting = text.encode(errors="ignore").decode()  # no YAML file holds a lone surrogate; the words of a model may
    ids = [f"{setting}{k}" for k in range(4)]
    spec, points = made_up.make_set(folder, setting, [20.0, 50, 70, 90], ids=ids)
    for stage in ("sft", "grpo"):
        answers = made_up.noisy_answers(points, 9, len(stage))
        answers = {image: f"<think>{text}</think>" + said.partition("</think>")[2] for image, said in answers.items()}
        answers[ids[0]] = text
        made_up.write_predictions(folder / "run", stage, spec, answers)
    (folder / "run" / "data").mkdir()
    attributes = json.dumps({name: {setting: 1.0} for name in ids})
    (folder / "run" / "data" / "x_test_attributes.json").write_text(attributes)
    name = setting.replace("/", "").replace("\x00", "")
    return made_up.write_page(made_up.write_config(folder, [spec], name=f"{name}.yaml", prompts={"iqa": setting}))


@pytest.fixture(scope="module")
def harmless(tmp_path_factory):
    return Page(page_with(tmp_path_factory.mktemp("harmless"), "harmless")).skeleton


@pytest.mark.parametrize("text", INJECTIONS)
def test_nothing_that_a_run_holds_becomes_markup(tmp_path, harmless, text):
    written = page_with(tmp_path, text)
    assert Page(written).skeleton == harmless
    assert not set("\x00\x08\ud800\u202e") & set(written)
