"""Words of thought: at white space, and by the character where a script writes no spaces."""

import math
import re
from fractions import Fraction
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tatar_rewards as tr
from tatar_rewards.answers.words import count_new_words, count_words, length_without_repetition

# Article 1 of the Universal Declaration of Human Rights: 30 words in English
ARTICLE = {
    "English": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience "
    "and should act towards one another in a spirit of brotherhood.",
    "Chinese": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "Japanese": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられて"
    "おり、互いに同胞の精神をもって行動しなければならない。",
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่ง"
    "ภราดรภาพ",
    "Lao": "ມະນຸດທຸກຄົນເກີດມາມີກຽດສັກສີ, ສິດທິ, ເສລີພາບ ແລະຄວາມສະເໝີພາບເທົ່າທຽມກັນ. ທຸກໆຄົນມີເຫດຜົນແລະຄວາມຄິດຄວາມເຫັນສ່ວນຕົວຂອງໃຜຂອງມັນ, "
    "ແຕ່ວ່າມະນຸດທຸກໆຄົນຄວນປະພຶດຕໍ່ກັນຄືກັນກັບເປັນອ້າຍນ້ອງກັນ.",
    "Khmer": "មនុស្សទាំងអស់ កើតមកមានសេរីភាព និងសមភាព ក្នុងផ្នែកសេចក្ដីថ្លៃថ្នូរនិងសិទ្ធិ។ មនុស្ស មានវិចារណញ្ញាណនិងសតិសម្បជញ្ញៈជាប់ពីកំណើត "
    "ហើយគប្បីប្រព្រឹត្ដចំពោះគ្នាទៅវិញទៅមក ក្នុងស្មារតីភាតរភាពជាបងប្អូន។",
    "Burmese": "လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် လည်းကောင်း၊ တူညီလွတ်လပ်သော အခွင့်အရေးများဖြင့် လည်းကောင်း၊ မွေးဖွားလာသူများ "
    "ဖြစ်သည်။ ထိုသူတို့၌ ပိုင်းခြား ဝေဖန်တတ်သော ဉာဏ်နှင့် ကျင့်ဝတ် သိတတ်သော စိတ်တို့ရှိကြ၍ ထိုသူတို့သည် အချင်းချင်း မေတ္တာထား၍ ဆက်ဆံကျင့်သုံးသင့်၏။",
}  # fmt: skip


@pytest.mark.parametrize("language", ARTICLE)
def test_a_thought_counts_about_as_much_in_every_language(language):
    words = count_words(ARTICLE[language])
    assert 0.8 * 30 <= words <= 1.6 * 30
    assert count_new_words(ARTICLE[language]) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("好", 1),
        ("光线柔和", 3),
        ("光线柔和，色彩平静。", 5),
        ("光 线 柔 和", 3),
        ("。。。！？", 1),  # one word, as any other signs
        ("光线——柔和……", 3),
        ("这张照片的ISO很高", 6),
        ("ISO 100, f/2.8 光线柔和", 6),
        ("ＩＳＯ１００光线", 2),
        ("かな かな", 2),
        ("カメラ", 2),
        ("ｶﾒﾗ", 2),
        ("ภาพนี้คมชัด", 2),
        ("Café — très doux", 4),
        ("빛이 부드럽고 색이 고요하다", 4),
        ("мягкий свет", 2),
        ("नरम रोशनी", 2),
        ("soft - light", 3),
        ("𠮷野家", 2),
    ],
)
def test_scripts_without_spaces_count_by_the_character_and_others_by_the_word(text, words):
    assert count_words(text) == words


def test_what_is_counted_is_a_whole_number():
    assert {type(count(text)) for count in (count_words, count_new_words) for text in ("光", "soft", "é")} == {int}


HONEST = (
    "这张照片的构图十分稳健，主体位于画面右侧的三分之一处，左边留出的空间让视线可以沿着河岸慢慢移动。光线柔和，是黄昏时分特有的侧光，"
    "既照亮了树叶的边缘，又没有让暗部失去细节。色彩和谐，以橙黄和深蓝形成冷暖对比，饱和度控制得当。远处的山影层次分明，近处的石头纹理清晰，"
    "景深的处理使前后关系一目了然。不足之处在于天空略显空旷，右上角有一小块过曝。如果再等几分钟，光线柔和的云层也许会带来更多变化。总体来说，"
    "这是一幅色彩和谐、情绪安静的风景作品，虽然题材常见，但作者的耐心和诚意值得肯定。"
)


def test_honest_chinese_is_paid_in_full_though_its_set_phrases_come_back():
    assert HONEST.count("光线柔和") == HONEST.count("色彩和谐") == 2
    assert count_new_words(HONEST) == count_words(HONEST)
    thought = HONEST[: next(end for end in range(len(HONEST)) if sum(map(str.isalnum, HONEST[:end])) == 216)]
    assert count_words(thought) == 144
    columns = {"mos": [30.0, 60.0], "task": ["iaa"] * 2, "image_id": ["a", "b"]}
    texts = [f"<think>{thought}</think><answer>{score}</answer>" for score in (30, 60)]
    assert tr.tatar_reward_funcs()[2](texts, **columns) == [1.0, 1.0]


def test_a_longest_length_is_kept_in_every_script():
    texts = [f"<think>{HONEST[:length]}</think><answer>64</answer>" for length in (90, 130)]
    assert tr.LengthReward(longest=65)(texts) == [1.0, 0.0]


han = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)
thai = st.characters(min_codepoint=0x0E01, max_codepoint=0x0E2E)
kana = st.characters(min_codepoint=0x30A1, max_codepoint=0x30F0)


@pytest.mark.parametrize(("letters", "longest"), [(han, 8), (kana, 12), (thai, 24)])
@given(data=st.data(), times=st.integers(3, 30), between=st.sampled_from(["", "。", "，", " ", " - ", "\n", "\u200b"]))
def test_a_sentence_that_is_said_again_adds_nothing_wherever_it_starts(letters, longest, data, times, between):
    """Whether it is long or shorter than a span, and whatever signs stand between."""
    sentence = "".join(data.draw(st.lists(letters, unique=True, min_size=2, max_size=40)))
    start = data.draw(st.integers(0, len(sentence)))
    repeated = ((sentence + between) * (times + longest))[start:]
    once = next(end for end in range(len(repeated) + 1) if sum(map(str.isalnum, repeated[:end])) == len(sentence))
    assert count_new_words(repeated) == count_words(repeated[:once])
    text = f"<think>{repeated}</think><answer>64</answer>"
    assert tr.LengthReward(shortest=count_words(sentence) + 1)([text]) == [0.0]
    assert count_words(repeated) > count_words(sentence)


PART_OF_WORD = (
    dict.fromkeys("光影色", Fraction(2, 3))
    | dict.fromkeys("かな", Fraction(1, 2))
    | dict.fromkeys("กข", Fraction(1, 5))
)
PART_OF_SPAN = (
    dict.fromkeys("光影色", Fraction(1, 8))
    | dict.fromkeys("かな", Fraction(1, 12))
    | dict.fromkeys("กข", Fraction(1, 24))
)


def slow_count(text, *, new):
    kept = "".join(c for c in text if c.isalnum() or c.isspace())
    tokens = re.findall("[光影色かなกข]|[^光影色かなกข\\s]+", kept)
    parts = [PART_OF_WORD.get(token, 1) for token in tokens]
    repeated, seen = set(), []
    for start in range(len(tokens)):
        sizes = accumulate(PART_OF_SPAN.get(token, Fraction(1, 4)) for token in tokens[start:])
        end = next((start + k for k, size in enumerate(sizes, 1) if size >= 1), None)
        if end is not None and tokens[start:end] in seen:
            repeated |= set(range(start, end))
        seen.append(tokens[start:end])
    return math.floor(sum(part for k, part in enumerate(parts) if not (new and k in repeated)) + Fraction(1, 2))


mixed = st.lists(
    st.sampled_from(["光", "影", "色", "か", "な", "ก", "ข", "soft ", "light ", "a", "，", " ", ". "]), max_size=80
)


@given(mixed.map("".join))
def test_words_and_new_words_are_those_of_the_slow_count(text):
    by_character = any(c in text for c in PART_OF_WORD)
    assert count_words(text) == (slow_count(text, new=False) if by_character else len(text.split()))
    assert count_new_words(text) == slow_count(text, new=True)
    assert count_new_words(text) <= count_words(text)


@given(st.lists(st.sampled_from(["a", "b", "c", "-", "d."]), max_size=40))
def test_without_such_scripts_new_words_are_those_of_the_rows_of_four(words):
    kept = [word.strip(".") for word in words if word != "-"]
    assert count_new_words(" ".join(words)) == length_without_repetition(kept)


@given(st.text(max_size=200))
def test_no_text_has_more_new_words_than_words(text):
    assert 0 <= count_new_words(text) <= max(count_words(text), count_words(text.casefold()))


def test_a_long_text_takes_no_more_than_linear_time():
    rng = np.random.default_rng(0)
    text = "".join(map(chr, rng.integers(0x4E00, 0x9FA5, 60_000)))
    assert count_new_words(text) == count_words(text) == round(60_000 * 2 / 3)
    assert count_new_words("光" * 60_000) == 1
