"""What a reply may not say, and how it goes on instead: names that nobody told, something else than what was told, the
same words without end, and what was said before.
"""

import re
from collections import Counter
from collections.abc import Sequence

from tinychat.generation.request import Request, TakenBack
from tinychat.generation.text import end_of_sentences, is_start_of_sentence
from tinychat.params.limits import REPLACEMENT
from tinychat.tokenizer import Tokenizer
from tinychat.tokenizer.called_names import HONORIFIC, NAME_WORD
from tinychat.tokenizer.word_level import WordLevelTokenizer

MAX_UNTOLD_NAMES = 40  # after so many tries for a reply without, a name may stay
TRIES_AT_A_PLACE = 2  # for a reply without, before it is taken back to an earlier token, where one has no text
MAX_FACTS_REFUSED = 12  # after so many tries for a reply that says what was told, it says just that
# One to six syllables six times in a row: a model that copies what was said may not find the end (뽀로로로로로로).
SYLLABLE_RUN = re.compile(r"([가-힣](?: ?[가-힣]){0,5}?)(?: ?\1){5}")
MIN_REPEATED = 2  # tokens that came before in the reply; with fewer there is no endless run, and nothing is decoded
MAX_RUNS = 8  # after so many tries for a reply without a run, one may stay
MAX_REPEATS = 4  # after so many tries for another reply, one that was said before may stay
MAX_MARGIN = 1.6  # nats: another token is about as likely where it has at least a fifth of the probability


class ReplyRules:
    """They look at each token of a reply before it is appended."""

    def __init__(self, tokenizer: Tokenizer, vocab_size: int, common_replies: Sequence[str] = ()) -> None:
        self.tokenizer = tokenizer
        ids_of = {text: (*tokenizer.encode(text), tokenizer.eos_id) for text in common_replies}
        unknown = {*tokenizer.unknown_ids}
        self._has_whole_words = isinstance(tokenizer, WordLevelTokenizer)
        self._common = {text: ids for text, ids in ids_of.items() if unknown.isdisjoint(ids)}
        last_byte = HONORIFIC.encode()[-1:]
        self._may_end_name = [
            last_byte in data
            for data in tokenizer.bytes_of(vocab_size)
            or [tokenizer.decode([token_id]).encode() for token_id in range(vocab_size)]
        ]

    def take_back(self, request: Request, token: int) -> TakenBack | None:
        """What is taken back of a reply because of its next token; None where that may stand."""
        return (
            self._told_fact(request, token)
            or self._other_name(request, token)
            or self._told_name(request, token)
            or self._syllable_run(request, token)
            or self._other_than_earlier(request, token)
        )

    def is_reply(self, request: Request) -> bool:
        """Whether the sentences before one with a name are a reply of their own."""
        kept = self._text(request.reply_ids)
        return kept != "" and kept not in request.earlier and request.n_new >= request.options.min_tokens

    def _text(self, ids: Sequence[int]) -> str:
        """The text of a reply, as it is shown."""
        return self.tokenizer.decode(ids).lstrip(" ")

    def _other_name(self, request: Request, token: int) -> TakenBack | None:
        """If this token completes a name that nobody told: the one that was told in its place, where there is one; else
        the sentence is taken back, with one before it that speaks of a name (좋은 이름이네요. 이제 …). Where nothing is
        left, the reply is one of the common ones, if any may stand. Once a sentence was taken back, one that praises a
        name is too.
        """
        if request.names is None or not (self._may_end_name[token] or request.n_names_refused):
            return None
        ids = [*request.reply_ids, token]
        text = self._text(ids)
        untold = request.names.first_untold(text)
        if untold is None and request.n_names_refused:
            untold = request.names.praised(text)
        if untold is None or request.n_names_refused >= MAX_UNTOLD_NAMES:
            return None
        start, name = untold
        request.n_names_refused += 1
        if request.names.name is not None:
            # With what this token has behind the name: the vocabulary may have no other token for it (님이에요).
            called = text[:start] + request.names.name + text[start + len(name) :]
            if shorter := self._instead(ids, called):
                return shorter
        said = text[:start]
        if request.names.name is None:
            said = said.partition(NAME_WORD)[0]
        before = text[: end_of_sentences(said)]
        texts = [self._text(ids[:n]) for n in range(len(ids) + 1)]
        longest = max((kept for kept in texts if before.startswith(kept)), key=len)
        # More than one where a token has no text, such as the space before a rare syllable at the start.
        places = [n for n, kept in enumerate(texts) if kept == longest]
        tries = Counter(n for n, _ in request.refused)
        n_kept = next((n for n in reversed(places) if tries[n] < TRIES_AT_A_PLACE), places[0])
        first = next((kept for kept in texts if kept and REPLACEMENT not in kept), text)
        if longest == "" and (among := self._common_replies(request, first)):
            return TakenBack(0, None, among=among)
        return TakenBack(n_kept, ids[n_kept], may_end=True)

    def _common_replies(self, request: Request, first: str) -> tuple[tuple[int, ...], ...]:
        """Tokens of the common replies that may stand here, less those that begin with this text or were said before;
        none where a name was told, which a reply may call, or where no n-gram may occur twice.
        """
        options = request.options
        if request.names is None or request.names.name is not None or options.no_repeat_ngram:
            return ()
        refused = {token for n_kept, token in request.refused if n_kept == 0}
        return tuple(
            ids
            for text, ids in self._common.items()
            if not text.startswith(first)
            and text not in request.earlier
            and ids[0] not in refused
            and options.min_tokens < len(ids) <= options.max_tokens + 1
            and not any(stop in text for stop in options.stop)
        )

    def _told_name(self, request: Request, token: int) -> TakenBack | None:
        """If with this token the reply says that it does not know the name that the user told and asks for: how the
        sentence begins with that name instead.
        """
        names = request.names
        if names is None or names.name is None or not names.may_not_deny or request.has_denied_name:
            return None
        ids = [*request.reply_ids, token]
        text = self._text(ids)
        start = names.denial(text)
        if start is None:
            return None
        request.has_denied_name = True
        before = text[: end_of_sentences(text[:start])].rstrip()
        return self._instead(ids, f"{before} {names.name}" if before else names.name)

    def _told_fact(self, request: Request, token: int) -> TakenBack | None:
        """If with this token a reply ends that has not said what the user told and asks for: how one begins that does.
        Where that one goes on with no answer, this token is refused; after some tries it goes on with the ending alone.
        """
        facts = request.facts
        if facts is None or not facts.words or request.n_facts_refused > MAX_FACTS_REFUSED:
            return None
        ids = [*request.reply_ids, token]
        text, word = self._text(ids), facts.words[-1]
        with_ending = word + facts.ending
        begins, behind = text.startswith(word) and request.n_facts_refused > 0, text[len(word) :]
        if token == self.tokenizer.eos_id:
            if facts.are_said(text) and (not begins or facts.may_end(behind)):
                return None
            request.n_facts_refused += 1
            # With the ending where it did not go on well before, and where words cannot be continued.
            is_first = request.n_facts_refused == 1 and not self._has_whole_words
            return self._instead(ids, word if is_first else with_ending)
        if not begins or REPLACEMENT in behind or facts.may_follow(behind):
            return None
        request.n_facts_refused += 1
        if request.n_facts_refused > MAX_FACTS_REFUSED:
            return self._instead(ids, with_ending)
        tried = sum(n_kept == len(ids) - 1 for n_kept, _ in request.refused)
        of_word = self.tokenizer.encode(word)
        n_kept = len(of_word) if tried >= TRIES_AT_A_PLACE and ids[: len(of_word)] == of_word else len(ids) - 1
        return TakenBack(n_kept, ids[n_kept])

    def _syllable_run(self, request: Request, token: int) -> TakenBack | None:
        """If with this token the same syllables or words stand six times in a row, and nobody said that before: they
        stay twice (뽀로로), after another run once, and another token follows.
        """
        if request.names is None or request.among or request.n_runs_refused >= MAX_RUNS:
            return None
        ids = [*request.reply_ids, token]
        if len(set(ids)) > len(ids) - MIN_REPEATED:
            return None
        text = self._text(ids)
        run = SYLLABLE_RUN.search(text)
        if run is None or run.group() in self.tokenizer.decode(request.prompt_ids):
            return None
        copy = run.group(1)
        stays = run.end(1) if request.n_runs_refused else text.index(copy, run.end(1)) + len(copy)
        request.n_runs_refused += 1
        n_kept = max(n for n in range(len(ids)) if text[:stays].startswith(self._text(ids[:n])))
        return TakenBack(n_kept, ids[n_kept])

    def _instead(self, ids: Sequence[int], text: str) -> TakenBack | None:
        """What takes a reply of these tokens back to where this text differs, and says that; None where the vocabulary
        has no tokens for it.
        """
        instead = self.tokenizer.encode(text)
        if self.tokenizer.decode(instead) != text:
            return None
        same = zip(ids, instead, strict=False)
        n_kept = next((n for n, (old, new) in enumerate(same) if old != new), min(len(ids), len(instead)))
        return TakenBack(n_kept, ids[n_kept], tuple(instead[n_kept:])) if n_kept < len(ids) else None

    def _other_than_earlier(self, request: Request, token: int) -> TakenBack | None:
        """If this token ends a reply that was said before: where to take it back to.

        It is where a sentence begins and another token was most nearly as likely, if at least a fifth as likely.
        """
        if token != self.tokenizer.eos_id or request.n_repeats_refused >= MAX_REPEATS:
            return None
        ids = [*request.reply_ids, token]
        if self._text(ids[:-1]) not in request.earlier:
            return None
        begins = [n for n in range(len(ids)) if is_start_of_sentence(self._text(ids[:n]))]
        n_kept = min(begins, key=request.margins.__getitem__)
        if request.margins[n_kept] > MAX_MARGIN:
            return None
        request.n_repeats_refused += 1
        return TakenBack(n_kept, ids[n_kept])
