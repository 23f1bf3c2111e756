"""Patterns of Python's `re` as JavaScript's RegExp has them, for tables that both read."""

import re

WORD = r"\p{L}\p{N}_"  # what is in Python's \w; JavaScript's own knows ASCII alone
# What is in Python's \s; JavaScript's own has \ufeff, but not \x85 and \x1c to \x1f.
SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SETS = {"w": WORD, "d": r"\p{Nd}", "s": SPACE}
BOUNDARY = f"(?:(?<=[{WORD}])(?![{WORD}])|(?<![{WORD}])(?=[{WORD}]))"
TOKEN = re.compile(
    r"\[(?P<negated>\^?)(?P<members>\]?(?:\\.|[^\]\\])*)\]"
    r"|\\(?P<escaped>\d+|.)"
    r"|(?P<group>\((?:\?(?:P<(?=\w)|[:=!]|<[=!]))?(?!\?))"
    r"|(?P<repeated>(?:[*+?]|\{\d+(?:,\d*)?\})\??)(?!\+)"
    r"|(?P<plain>[^][*+?{}()\\])"
    r"|(?P<end>\))",
    re.DOTALL,
)
MEMBER = re.compile(r"\\(?P<set>[wdsWDS])|(?P<first>\\?.)(?:-(?P<last>\\?.))?", re.DOTALL)
AS_IT_IS = re.compile(r"[\W_]|[ntrfv]")  # an escaped character that is the same in both


def regexp(pattern: str) -> str:
    r"""The source of a RegExp with the flag `u` that matches what `re` does with a pattern of str, without flags.

    It knows what is used here: classes, groups, lookaround, repetition, `\w \d \s \b`, references by number. What is a
    letter or a digit, the browser's version of Unicode says. Raises ValueError for anything else.
    """
    source, at = "", 0
    while at < len(pattern):
        found = TOKEN.match(pattern, at)
        if found is None:
            raise ValueError(f"{pattern!r}: what begins at {at} has no translation: {pattern[at : at + 20]!r}")
        source += _token(found)
        at = found.end()
    return source


def template(replacement: str) -> str:
    r"""What String.replace takes for a replacement of `re.sub`; of escapes it knows references (`\1`) alone."""
    source = re.sub(r"\\([1-9])(?!\d)", r"$\1", replacement.replace("$", "$$"))
    if "\\" in source:
        raise ValueError(f"{replacement!r}: an escape has no translation")
    return source


def _token(found: re.Match[str]) -> str:
    if found["members"] is not None:
        return _class(found["members"], negated=bool(found["negated"]))
    if (escaped := found["escaped"]) is not None:
        return _escaped(escaped)
    if found["plain"]:
        return {".": r"[^\n]", "$": r"(?=\n?$)"}.get(found["plain"], found["plain"])
    return found[0].replace("(?P<", "(?<")


def _escaped(escaped: str) -> str:
    if escaped.lower() in SETS:
        return f"[{'^' if escaped.isupper() else ''}{SETS[escaped.lower()]}]"
    if escaped == "b":
        return BOUNDARY
    if re.fullmatch("[1-9]", escaped):
        return f"(?:\\{escaped})"  # in a group, so that a digit behind it is none of its number
    if AS_IT_IS.fullmatch(escaped):
        return _literal(f"\\{escaped}")
    raise ValueError(f"\\{escaped} has no translation")


def _class(members: str, *, negated: bool) -> str:
    r"""A class. One with a complement in it (`[\W_]`, `[^\S\n]`) becomes several: within a class, the browsers' older
    versions know no complement of more than one property.
    """
    own, complements = "", []
    for member in MEMBER.finditer(members):
        if (name := member["set"]) is None:
            last = f"-{_literal(member['last'])}" if member["last"] else ""
            own += _literal(member["first"]) + last
        elif name.isupper():
            complements.append(SETS[name.lower()])
        else:
            own += SETS[name]
    if not complements:
        return f"[{'^' if negated else ''}{own}]"
    if negated:
        *others, one = complements
        return f"(?:{f'(?![{own}])' if own else ''}{''.join(f'(?=[{other}])' for other in others)}[{one}])"
    return f"(?:{'|'.join([*([f'[{own}]'] if own else []), *(f'[^{other}]' for other in complements)])})"


def _literal(character: str) -> str:
    r"""A character, perhaps escaped, as it may stand in and outside of a class under the flag `u`."""
    plain = character[-1]
    if len(character) == 2 and not AS_IT_IS.fullmatch(plain):
        raise ValueError(f"{character} has no translation")
    if plain in "ntrfv" and len(character) == 2:
        return character
    return f"\\u{{{ord(plain):x}}}" if plain in r"^$\.*+?()[]{}|-" or not plain.isprintable() else plain
