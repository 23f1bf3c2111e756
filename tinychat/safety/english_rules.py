"""English rules, on text as `normalised` spells it: don't is dont."""

from tinychat.safety.rules import Rule

ENGLISH = (
    Rule(
        "the word itself",
        "suicid unalive kms overdos harm",
        r"\bsuicid(?!e squad)|\bunalive\b|\bkms\b|\boverdos|\bself ?harm",
    ),
    Rule(
        "killing or hurting oneself; an accident is none",
        "kill hurt harm cut hang stab shoot drown",
        r"\b(?:kill|hurt|harm|cut|hang|stab|shoot|drown)(?:t?ing)?_my ?self",
        unless=r"\b(?:gym|shav|cook|accident|playing|knife slipped|on paper|work(?:ing)? out)",
    ),
    Rule(
        "wanting to die, but not of laughter",
        "die dead",
        r"(?<!dont )(?<!not )\b(?:want(?:ed)?|wanna|wish|going|gonna|ready|trying|plan(?:ning)?|need|rather)"
        r"(?: to| i could)?(?: just)? (?:die|be dead)\b(?! (?:laughing|for|of|than))"
        r"|\bbetter off dead\b|\bi (?:was|were|am) better dead\b|\bwish (?:that )?i (?:was|were) dead\b"
        r"|\b(?:ways?|how|pills?|easiest|painless)\b.* to die\b|\bdie in my sleep\b",
    ),
    Rule(
        "not wanting to live",
        "live living alive exist wake here cant tired",
        r"\b(?:dont|do not|not|never|no longer|cant) (?:really )?(?:want|wanna|wish|feel like)(?: to| being)?"
        r"(?: ever)? (?:live|living|alive|be alive|exist|wake up|be here)\b(?! (?:in|with|at|near|together|alone)\b)"
        r"|\btired of (?:living|being alive|life)\b|\bhate being alive\b"
        r"|\bcant (?:go on(?! (?:a|an|the|my|holiday|vacation|stage)\b)|live anymore|live like this)\b"
        r"|\bwish i (?:wasnt|werent|was not) (?:alive|here)\b",
    ),
    Rule(
        "ending one's life",
        "end taking take took life",
        r"\bend(?:ing)? (?:my|this) (?:own )?life\b|\bend(?:ing)? it all\b|\btak(?:e|ing) my (?:own )?life\b",
    ),
    Rule(
        "no reason to live",
        "live living life reason point",
        r"\b(?:no|any|without a?) ?(?:reason|point|will)s? (?:to|in|for|of) (?:live|living|go on|my life)\b"
        r"|\bnothing (?:left )?to live for\b|\b(?:not|isnt|aint) worth living\b",
    ),
    Rule(
        "better without me, never born, gone for ever",
        "without born disappear vanish",
        r"\bbetter (?:off )?without me\b|\b(?:never|not) (?:been |be )?born\b"
        r"|\b(?:want to|wanna) (?:just )?(?:disappear|vanish)\b",
    ),
    Rule(
        "methods",
        "jump slit wrist pills",
        r"\bjump(?:ing)? off (?:a|the|my|this) (?:bridge|roof|building|balcony|cliff)\b"
        r"|\b(?:slit|cut)t?(?:ing)? my wrists?\b"
        r"|\btook (?:too many|all (?:my|the)|a bottle of) pills\b",
    ),
)
