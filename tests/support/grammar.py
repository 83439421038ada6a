"""The strict grammar of answers, from the places of its tags: the oracle of the parser."""

import re

TAG = re.compile(r"(</?(?:think|answer)>)")


def strict_answer(text, low=0.0, high=100.0, think_prefilled=False):
    """(status, score, think) of a completion, from the places of its tags."""
    tokens = TAG.split("<think>" * think_prefilled + text)
    tags = ("<think>", "</think>", "<answer>", "</answer>")
    opens, closes, starts, ends = ([k for k, token in enumerate(tokens) if token == tag] for tag in tags)

    def words(first, last):
        return any(token.strip(" \t\n\r\f\v") for token in tokens[first:last] if token not in tags)

    if len(opens) > 1 or len(closes) > 1:
        return "several_thinks", None, ""
    if opens and not closes:
        return "unclosed", None, "".join(tokens[opens[0] + 1 :]).strip()
    if closes and (not opens or closes[0] < opens[0]):
        return "unopened", None, ""
    think, begin = "", 0
    if opens:
        think, begin = "".join(tokens[opens[0] + 1 : closes[0]]).strip(), closes[0] + 1
        inside = [[k for k in places if opens[0] < k < closes[0]] for places in (starts, ends)]
        if any(k < opens[0] for k in starts + ends):
            return "several_answers" if len(starts) > 1 else "text_after_answer", None, think
        if words(0, opens[0]):
            return "text_before_answer", None, think
        if any(inside):
            several = any(k > closes[0] for k in starts) or max(map(len, inside)) > 1
            return "several_answers" if several else "answer_in_think", None, think
    if len(starts) > 1 or len(ends) > 1:
        return "several_answers", None, think
    if not starts:
        return "unopened" if ends else "no_answer", None, think
    if not ends or ends[0] < starts[0]:
        return "unclosed", None, think
    if words(begin, starts[0]):
        return "text_before_answer", None, think
    if words(ends[0] + 1, None):
        return "text_after_answer", None, think
    number = "".join(tokens[starts[0] + 1 : ends[0]]).strip(" \t\n\r\f\v")
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", number):
        return "not_a_number", None, think
    return ("ok", float(number), think) if low <= float(number) <= high else ("off_scale", None, think)
