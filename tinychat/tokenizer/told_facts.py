"""What a user told of themselves in a Korean dialogue and asks for: what they like, do or eat, a pet's name."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from tinychat.tokenizer.called_names import LETTER
from tinychat.tokenizer.chat import Message
from tinychat.tokenizer.fact_patterns import (
    ALSO_ANSWERS,
    ALSO_FIT,
    AND,
    ANSWERS,
    ASKS,
    ASKS_ADVICE,
    BEHIND,
    BEHIND_WORD,
    CLOSED,
    COLOR,
    CORRECTS,
    CORRECTS_IT,
    DISLIKED,
    EATEN,
    FAVOURITE,
    FIT_CONSONANT,
    FIT_VOWEL,
    FOODS,
    HOBBY,
    IF_FOOD,
    IF_KNOWN,
    IS_DESCRIBED,
    IS_VERB,
    LEARNT,
    NAME_OF,
    NO_BEGINNING,
    NO_FACT,
    NO_LONGER,
    NOT_THE_USER,
    OF_KIND,
    PARTICLES,
    PEOPLE_KINDS,
    SAME_KIND,
    TELLS,
    WHICH,
    WITH_PARTICLE,
)
from tinychat.tokenizer.given_names import may_be_given_name
from tinychat.tokenizer.told_names import ends_with_consonant


class Fact(NamedTuple):
    """What the user told.

    topic   음식, 취미; FAVOURITE where they like it and did not say what it is
    word    as a reply says it: 기타 치는 거
    noun    without which a reply does not say it: 기타
    """

    topic: str
    word: str
    noun: str


class ToldFacts:
    """What a reply has to say where the user asks for what they told of themselves.

    words   what they told, any of which may be said; the last one that they told is the last; empty where they do not
            ask for it, or told nothing of this topic
    ending  the polite form of `is` behind the last word
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self.words: list[str] = []
        self._said: list[re.Pattern[str]] = []
        self._topic = FAVOURITE  # of the last word
        self.ending = ""
        said = [message["content"] for message in messages if message["role"] == "user"]
        if not said or not (topics := asked_topics(said[-1])) or facts_of(said[-1]):
            return
        told: list[Fact] = []
        for text in said[:-1]:
            new = facts_of(text)
            if re.search(CORRECTS, text, re.MULTILINE) or (new and re.search(CORRECTS_IT, text, re.MULTILINE)):
                told = []
            told = [fact for fact in told if not is_taken_back(fact, text) and fact not in new]
            told += new
        answering = [fact for fact in told if any(answers(fact, topic) for topic in topics)]
        self.words = [*reversed(dict.fromkeys(fact.word for fact in reversed(answering)))]
        nouns = [noun for fact in answering for noun in re.split(AND, fact.noun)]
        self._said = [re.compile(rf"(?<!{LETTER}){re.escape(noun)}{BEHIND}") for noun in nouns]
        self._topic = answering[-1].topic if answering else FAVOURITE
        if topics == {EATEN} and len(self.words) > 1:  # at different meals
            self.words = []
        if self.words:
            self.ending = "이에요" if ends_with_consonant(self.words[-1]) else "예요"

    def may_follow(self, behind: str) -> bool:
        """Whether a reply that begins with the last of the words may go on so: with a particle or an ending that fits
        (떡볶이를, not 떡볶이을 or 떡볶이집), and with an answer (not 떡볶이 어때요?).
        """
        found = re.match(BEHIND_WORD, behind)
        also_fit = ALSO_FIT.get(self._topic, ())
        if found is None or found["stop"] or not begins_alike(found["ending"], (*self._fitting, *also_fit)):
            return False
        is_particle = found["ending"] in ("", "을", "를", *also_fit)
        answering = (*ANSWERS, *ALSO_ANSWERS.get(self._topic, ()))
        return not is_particle or found["next"] is None or begins_alike(found["next"][1:], answering)

    def may_end(self, behind: str) -> bool:
        """Whether a reply that begins with the last of the words may end so: not behind the word alone, or within what
        is to follow it (떡볶이를).
        """
        cut = (ending[:n] for ending in self._fitting for n in range(1, len(ending)))
        return behind.strip() not in ("", "을", "를", "은", "는", *cut)

    @property
    def _fitting(self) -> tuple[str, ...]:
        """The endings and particles that fit the last of the words."""
        return FIT_CONSONANT if ends_with_consonant(self.words[-1]) else FIT_VOWEL

    def are_said(self, reply: str) -> bool:
        """Whether a reply says one of them, or there is none."""
        return not self.words or any(word.search(reply) for word in self._said)


def is_taken_back(fact: Fact, text: str) -> bool:
    """Whether a message says that this is so no more (커피 끊었어)."""
    return re.search(rf"{re.escape(fact.word)}[^.!?\n]{{0,12}}(?:{NO_LONGER})", text) is not None


def answers(fact: Fact, topic: str) -> bool:
    """Whether this fact is what is asked for by this topic."""
    if not (is_liking(fact.topic) and is_liking(topic)):
        return fact.topic == topic
    if topic == FAVOURITE:
        return True
    if fact.topic != FAVOURITE:
        return fact.topic.endswith(topic) or topic.endswith(fact.topic)  # 사계절 and 계절
    kind = "음식" if topic in FOODS else topic
    if kind in OF_KIND and re.search(OF_KIND[kind], fact.word):
        return True
    if kind not in PEOPLE_KINDS and may_be_given_name(fact.noun.removesuffix("이")):
        return False
    return kind not in CLOSED and not is_known(fact.noun)


def is_liking(topic: str) -> bool:
    """Whether it is FAVOURITE, or the kind of what somebody likes."""
    return topic not in (HOBBY, LEARNT, EATEN, DISLIKED) and not topic.startswith(NAME_OF)


def is_known(noun: str) -> bool:
    """Whether it is of a kind that OF_KIND knows."""
    return any(re.search(pattern, noun) for pattern in OF_KIND.values())


def asked_topics(text: str) -> set[str]:
    """The topics that a message asks for."""
    if re.search(ASKS_ADVICE, text, re.MULTILINE):
        return set()
    return {topic_of(topic, match) for topic, pattern in ASKS for match in re.finditer(pattern, text, re.MULTILINE)}


def topic_of(topic: str | None, match: re.Match[str]) -> str:
    """The topic of a match: that of its pattern, or the kind that was said, or both."""
    if topic not in (None, NAME_OF):
        return {IF_KNOWN: FAVOURITE, IF_FOOD: DISLIKED}.get(topic, topic)
    kind = match["kind"] or ""
    kind = SAME_KIND.get(kind, "" if kind.endswith((" 거", " 것")) else kind)  # 단 거 is no kind
    return (topic or "") + kind


def facts_of(text: str) -> list[Fact]:
    """What a message tells, in its order; of two that overlap the one of the earlier pattern."""
    found: list[tuple[int, int, Fact]] = []
    for topic, pattern in TELLS:
        for match in re.finditer(pattern, text, re.MULTILINE):
            start, end = match.start("word"), match.end("word")
            noun = noun_of(match)
            if noun is None or (topic == IF_KNOWN and not is_known(noun)):
                continue
            if topic == IF_FOOD and not re.search(OF_KIND["음식"], noun):
                continue
            if not any(start < other_end and other_start < end for other_start, other_end, _ in found):
                doing = match.groupdict().get("doing")
                found.append((start, end, Fact(topic_of(topic, match), f"{noun} {doing} 거" if doing else noun, noun)))
    return [fact for _, _, fact in sorted(found)]


def noun_of(match: re.Match[str]) -> str | None:
    """The noun that was told, whole and without a particle; None where it is none."""
    word, groups = match["word"], match.groupdict()
    particle = groups.get("object") or groups.get("subject") or groups.get("i") or ""
    if particle:
        fits = ends_with_consonant(word) == (particle in "을이") or particle == "도"
        if re.search(WITH_PARTICLE, word + particle) or not (fits or groups.get("i")):
            word, particle = word + particle, ""
    first, _, last = word.rpartition(" ")
    if re.fullmatch(WHICH, f"{first} ") or first in NOT_THE_USER or re.match(NO_BEGINNING, word):
        return None
    if first and last in COLOR:  # 버건디 색
        return word
    if first in NO_FACT:
        word = last
    elif first and last in NO_FACT and not particle:
        word = last = first
    if not particle and last[-1] in PARTICLES and len(last) > 1 and not re.search(WITH_PARTICLE, last):
        return None
    if not particle and match.end("word") == match.end() and re.search(IS_VERB, word):
        return None
    return None if last in NO_FACT or re.search(IS_DESCRIBED, last) else word


def begins_alike(text: str, others: Sequence[str]) -> bool:
    """Whether this is the beginning of one of the others, or one of them its beginning."""
    return any(text.startswith(other) or other.startswith(text) for other in others)
