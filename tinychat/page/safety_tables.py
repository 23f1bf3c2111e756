"""What recognises a person in danger, as the page carries it: the rules and the classifier of tinychat/safety."""

from typing import Any

from tinychat.page.regexp import regexp, template
from tinychat.safety import classifier, danger, help, normalising, rules


def safety_tables() -> dict[str, Any]:
    """The patterns as RegExps take them, the settings and the help lines; web/src/safety reads them."""
    trained = classifier.load()
    return {
        "normalising": {
            # null composes a syllable of jamo
            "substitutions": [
                [regexp(pattern), template(plain) if isinstance(plain, str) else None]
                for pattern, plain in normalising.SUBSTITUTIONS
            ],
            "consonants": normalising.CONSONANTS,
            "vowels": normalising.VOWELS,
            "finals": normalising.FINALS,
        },
        "rules": [
            {
                "keywords": rule.keywords.split(),
                "pattern": _pattern(rule.pattern),
                "unless": _pattern(rule.unless),
                "unless_ending": _pattern(rule.unless_ending),
            }
            for rule in danger.RULES
        ],
        "context": rules.CONTEXT,
        "classifier": {
            "scale": trained.scale,
            "bias": trained.bias,
            "threshold": trained.threshold,
            "syllables": classifier.SYLLABLES,
            "jamo": classifier.JAMO,
            "not_read": regexp(classifier.NOT_READ.pattern),
        },
        "max_characters": danger.MAX_CHARACTERS,
        "max_classified": danger.MAX_CLASSIFIED,
        "window": danger.WINDOW,
        "slack": danger.SLACK,
        "pair_margin": danger.PAIR_MARGIN,
        "help": help.HELP,
        "help_in_english": help.HELP_IN_ENGLISH,
    }


def classifier_weights() -> bytes:
    """The weights of the classifier's features, a signed byte each, as they are stored."""
    return bytes(value & 0xFF for value in classifier.load().weights)


def _pattern(pattern: str) -> str:
    return regexp(rules.expanded(pattern))
