"""Refuses answers that would be read in part, and those without a contact that do not state a miss."""

import re
from collections import Counter
from typing import Any

from clodura_pipeline.clodura.answers.fields import CREDITS, ENVELOPE, ORGANISATION, PARTS, PERSON, AnswerFields, plain
from clodura_pipeline.clodura.answers.tree import AnswerTree
from clodura_pipeline.clodura.answers.values import (
    Leaf,
    Place,
    clean,
    credits_of,
    is_filled,
    path_of,
    paths_of,
    places_around,
)
from clodura_pipeline.errors import UnreadableAnswer

# How answers without content say that they failed, or are not ready. Silence, or a statement that no contact was found,
# is a miss.
_FAILURE = re.compile(
    r"error|fail|reject|insufficient|exceed|exhaust|limit|quota|unavailable|timed?[ _-]?out|denied|unauthori|forbidden|"
    r"expired|try again|maintenance|overload|too many|went wrong|not (processed|allowed)|in[ _-]?progress|queue|"
    r"not[ _]ready|pending|processing|running|started|accepted|invalid|missing|required|upgrade|suspend|disabled|"
    r"blocked|support|busy|retry|throttl|abort|cancel|problem|cannot"
)
_MISS = re.compile(
    r"\bno([ _-]?|[ _](\w+ ){1,3})(found|match|matches|matched|data|results?|records?)\b|not[ _-]?(be )?found|"
    r"nothing found|(not|n't|unable to) (find|match|locate)"
)
_OF_THE_CALL = re.compile(r"\b(api|key|token|account|route|endpoint|url|plan|subscription)\b")
# Fields that distinguish two candidates: values of one of them in two places must agree.
IDENTIFYING_FIELDS = {PERSON: ("clodura_person_id", "first_name", "last_name", "full_name", "linkedin_url"),
                ORGANISATION: ("organisation_id", "name", "domain")}  # fmt: skip
_NO_WORDS = re.compile(r"://|@|^\d{4}-\d\d-\d\d|^[0-9a-fA-F-]{8,}$")


def unreadable(tree: AnswerTree, reason: str) -> UnreadableAnswer:
    """An error with the reason and the shape: at most ten paths with types, no values."""
    paths = paths_of(tree.leaves)
    listed = ", ".join(f"{one.path}: {one.value_type}" for one in paths[:10]) + ", …" * (len(paths) > 10)
    return UnreadableAnswer(f"{reason}; {listed}")


def check_no_match(tree: AnswerTree, document: Any) -> None:
    """Raise `UnreadableAnswer` unless an answer without a contact holds nothing else, and reports no failure."""
    says_miss = any(isinstance(leaf.value, str) and _says_miss(leaf.value) for leaf in tree.leaves)
    if any(_says_it_failed(tree.fields, leaf, says_miss) for leaf in tree.leaves):
        raise unreadable(tree, "empty, but reports a failure")
    filled = [leaf for leaf in tree.leaves if is_filled(leaf.value) and leaf.value != 0
              and not (leaf.meaning and tree.is_echo(leaf.value))]  # fmt: skip
    if any(leaf.part not in (CREDITS, ENVELOPE) for leaf in filled):
        raise unreadable(tree, "holds content, but nothing known of a person or an organisation")
    only_credits = all(any(tree.fields.is_credits(str(step)) for step in leaf.place) for leaf in tree.leaves)
    nothing = len(filled) < len(tree.leaves) and isinstance(document, dict | list)
    if not (nothing or says_miss or only_credits):
        raise unreadable(tree, "neither a contact nor a miss")


def check_all_read(tree: AnswerTree, missing: str) -> None:
    """Raise `UnreadableAnswer` if an object that was not understood may hold the `missing` part.

    Texts are counted, at least two of them, or a name in an object of which nothing says whose it is: a contact has
    more than one text, a remark beside it often has not.
    """
    around_the_person = places_around(leaf for leaf in tree.leaves if leaf.text and leaf.part == PERSON)
    unread: Counter[Place] = Counter()
    with_name: set[Place] = set()
    for leaf in tree.leaves:
        if leaf.meaning is None:
            unread[leaf.place[:-1]] += _texts_in(leaf.value)
            meanings = [tree.fields.meaning(str(leaf.place[-1]), part) for part in PARTS]
            if all(meaning and meaning.field.endswith("name") for meaning in meanings):
                with_name.add(leaf.place[:-1])
    for area in tree.areas:
        texts = unread[area.place]
        if area.beside:
            suspicious = area.part == missing
        elif area.named:
            suspicious = area.part == missing and texts > 0
        else:
            enough = texts > 1 or (texts == 1 and area.part is None and area.place in with_name)
            suspicious = enough and area.place not in around_the_person
        if suspicious:
            raise unreadable(tree, f'"{path_of(area.place)}" may hold the {missing}')


def agree(field: str, one: Leaf, other: Leaf) -> bool:
    """Whether two values of a field may belong to one contact."""
    here, there = one.place[:-1], other.place[:-1]
    if here == there:  # two spellings in one object
        return True
    shorter, longer = sorted((here, there), key=len)
    first, second = plain(one.text or ""), plain(other.text or "")
    if field in ("name", "domain"):  # of a company: `Engines` and `Engines Ltd`
        return first in second or second in first
    if field == "linkedin_url":
        first, second = first.rsplit("in", 1)[-1], second.rsplit("in", 1)[-1]
    return first == second or (field.endswith("_id") and longer[: len(shorter)] == shorter)


def _texts_in(value: Any) -> int:
    """How many texts a value holds that may name somebody: no dates, addresses or ids."""
    if isinstance(value, list):
        return sum(map(_texts_in, value))
    text = clean(value) if isinstance(value, str) else None
    return int(bool(text and any(c.isalpha() for c in text) and not _NO_WORDS.search(text)))


def _says_it_failed(names: AnswerFields, leaf: Leaf, says_miss: bool) -> bool:
    """Whether a value of an empty answer says that the call failed, or that its answer is not ready."""
    keys = [step for step in leaf.place if isinstance(step, str)] or [""]
    said = str(leaf.value).lower()
    if any(names.starts_with(key, "envelope.errors") for key in keys):
        return is_filled(leaf.value) and said not in ("false", "no", "0", "404") and not _says_miss(said)
    if names.is_among(keys[-1], "envelope.outcomes") and said in ("false", "no"):
        return True
    status = credits_of(leaf.value) or 0 if names.is_among(keys[-1], "envelope.statuses") else 0
    # Codes of its own above those of HTTP may mean a miss, if the answer says so in words.
    if (400 <= status < 600 and status != 404) or (status >= 600 and not says_miss):
        return True
    states_outcome = names.is_among(keys[-1], "envelope.outcomes", "envelope.statuses", "envelope.messages")
    return states_outcome and bool(_FAILURE.search(said) or _MISS.search(said)) and not _says_miss(said)


def _says_miss(text: str) -> bool:
    return bool(_MISS.search(text.lower())) and not _OF_THE_CALL.search(text.lower())
