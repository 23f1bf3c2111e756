"""What an amount of data can give, in words and with a number: whoever trains on 40 rows expects what they cannot."""

from dataclasses import dataclass
from typing import Literal

# All measured with the default model (docs/experiments.md). Below FEW nothing but the own questions is learnt.
FEW = 1000
PHRASINGS = 3  # questions of one answer, from which new phrasings of them may be answered
# The share of answers with so many phrasings: 72% in the starter corpus, of whose new phrasings 80% are answered, and
# 18% in songys/Chatbot_data, of whose held-out questions none gets its answer.
REPHRASED = 0.5

Outlook = Literal["few", "by_heart"]


@dataclass(frozen=True)
class Learnt:
    """The training data, each counted once however often it is repeated, ignoring case, spaces and punctuation.

    exchanges  questions with their answers
    questions  distinct questions among them
    answers    distinct answers among them
    rephrased  exchanges whose answer stands for at least 3 questions
    """

    exchanges: int
    questions: int
    answers: int
    rephrased: int

    def outlook(self) -> Outlook | None:
        """`few`: it can learn these questions only; `by_heart`: it will not answer new phrasings; None: it may."""
        if self.rephrased >= REPHRASED * self.exchanges:
            return None
        return "few" if self.exchanges < FEW else "by_heart"

    def warnings(self) -> list[str]:
        """The outlook as a line of the log, if there is one."""
        counted = f"{self.questions:,} questions, {self.answers:,} answers"
        advice = "More phrasings of a question help, each with the same answer; the starter corpus has about 40 of each"
        match self.outlook():
            case "few":
                return [
                    f"warning: {counted}: this is little. Expect these questions to be answered where they are typed "
                    "nearly as written; to any other it says one of these answers or a mixture of them, right or not. "
                    f"{advice}, and can be mixed in (docs/data.md)"
                ]
            case "by_heart":
                return [
                    f"warning: {counted}: only {self.rephrased / self.exchanges:.0%} of the answers stand for "
                    f"{PHRASINGS} questions or more. Expect it to learn them by heart: trained questions are answered, "
                    f"new ones rarely get their answer. {advice}"
                ]
        return []
