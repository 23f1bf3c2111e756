"""How a rule is written, and when it matches."""

import functools
import re
from dataclasses import dataclass

CONTEXT = 60  # characters before a match that `unless_before` looks at

# What patterns name in angle brackets.
NAMED_PATTERNS = {
    "me": "(?:나|난|날|내|내가|나는|나도|나만|나를|저|전|절|제|제가|저는|저도|저만|저를|나 ?하나(?: ?쯤)?)",
    "want": "[고구](?:만|는|도)?_(?:싶(?!(?:지_(?:는_|가_|도_)?|진_)(?:않|안)(?!은_날))|[파프])",
    # 배고파 죽겠다, 좋아 죽으려고 하네: dying of something is not dying.
    "of_something": (
        "(?<![가-힣]나)(?<!진짜)(?<!내가)(?<!제가)[가-힣]*"
        "(?:[아와어워여해파퍼려겨져쳐켜펴나러터떠커써꺼까빠바싸사짜차타하쁘뻐배]"
        "|(?<!힘들어)(?<!괴로워)(?<!외로워)(?<!우울해)(?<!라도 나)서|도록|만큼|느라)"
    ),
    "someone": (
        "(?!내가|제가|우리가|나_같은|저_같은)(?!같이|많이|없이|깊이|높이|굳이|스스로)"
        "[가-힣]+(?:[이가은는]|들도|께서)_<adverbs>"
    ),
    "adverbs": (
        "(?:(?:그냥|확|콱|다|또|정말|진짜|너무|이제는?|이젠|그만|차라리|막|자꾸|계속|좀|빨리|얼른|이만|"
        "더 ?이상은?|더는|더|지금|당장|이대로|이렇게는?|그대로|조용히|편하게|같이|몰래|아무도 ?모르게|"
        "아예|영원히|영영|싹|도저히|요즘|맨날|매일|혼자|하나도|전혀|도무지|솔직히|사실|가끔|문득|자주|"
        "미리|벌써|이미|조금씩|"
        "(?:오늘|내일|모레|이따|이번 ?주|주말|밤|새벽|아침|저녁)(?:에|에는|은|엔)?) ?){0,6}"
    ),
}


@dataclass(frozen=True)
class Rule:
    """A pattern. In it `_` is an optional space, and `<me>` and the like are NAMED_PATTERNS."""

    description: str
    keywords: str  # a sentence without any of these cannot match and is skipped
    pattern: str
    unless: str = ""  # no match where this occurs anywhere in the sentence
    unless_before: str = ""  # no match where the text before it ends so

    @property
    def unless_ending(self) -> str:
        """What the text before a match must not match; "" where it may be anything."""
        return f"(?:{self.unless_before})_$" if self.unless_before else ""

    def matches(self, sentence: str) -> bool:
        """Whether it matches a normalised sentence."""
        if not any(word in sentence for word in self.keywords.split()):
            return False
        if self.unless and compiled(self.unless).search(sentence):
            return False
        found = compiled(self.pattern).finditer(sentence)
        if not self.unless_before:
            return any(True for _ in found)
        before = compiled(self.unless_ending)
        return any(not before.search(sentence[max(0, match.start() - CONTEXT) : match.start()]) for match in found)


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A rule's pattern, compiled at first use: compiling all of them would slow down every start."""
    return re.compile(expanded(pattern))


def expanded(pattern: str) -> str:
    """A rule's pattern as `re` takes it."""
    for name, meaning in NAMED_PATTERNS.items():
        pattern = pattern.replace(f"<{name}>", meaning)
    return pattern.replace("_", " ?")
