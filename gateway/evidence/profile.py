"""A draft of the portal's security profile: what the evidence says to each of its questions.

We know the numbers of some questions only, and none of their words, which are not ours to print.
So the draft goes by the criterion that a question is about; where we know no number, the number is
0.  It is a draft: whoever files the profile reads the question and answers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gateway.config.criteria import Criterion
from gateway.evidence.packet import Answer
from gateway.evidence.programmes import Coverage, Words
from gateway.locale import Given, Message, worded

SUPPORTED, DOCUMENT, NOT_GATE, OPEN = "supported", "document", "not_gate", "open"
STANDS: Mapping[str, Message] = {
    SUPPORTED: worded("the gate's evidence supports it"),
    DOCUMENT: worded("a document is attached"),
    NOT_GATE: worded("this is not a gate's matter"),
    OPEN: worded("a document is missing"),
}
"""What a stand of an answer means."""


@dataclass(frozen=True)
class Sentences(Message):
    """Several sentences, one after the other: the tuple of messages in the fact `parts`."""

    def say(self, language: str | None = None) -> str:
        """All of them in `language`, by default the one in use."""
        parts = self.facts.get("parts", ())
        return " ".join(
            one.say(language) if isinstance(one, Message) else str(one) for one in parts
        )


def answers(
    criteria: Iterable[Criterion],
    known: Mapping[str, Coverage],
    documents: Mapping[str, tuple[str, ...]],
) -> list[Answer]:
    """The draft, by question; those without a known number come last, by criterion.

    `documents` are the ids of the documents in force by criterion.
    """
    found = [
        _answer(number, one, known.get(one.id, Coverage()), documents.get(one.id, ()))
        for one in criteria
        for number in one.portal or (0,)
    ]
    return sorted(found, key=lambda one: (one.question == 0, one.question))


def _answer(
    number: int, criterion: Criterion, shown: Coverage, documents: tuple[str, ...]
) -> Answer:
    if shown.document and not documents:
        stand = OPEN
    elif not shown.with_people:
        stand = SUPPORTED
    else:
        stand = DOCUMENT if documents else NOT_GATE
    text = Sentences("", {"parts": tuple(_sentences(shown, documents))})
    return Answer(number, criterion.id, stand, text, documents)


def _sentences(shown: Coverage, documents: tuple[str, ...]) -> Iterator[Message]:
    if shown.enforces["en"]:
        yield _given(shown.enforces)
    if shown.records["en"]:
        yield worded("On record: {records}", records=_given(shown.records))
    if documents:
        yield worded("Attached: {documents}.", documents=", ".join(documents))
    elif shown.document:
        yield worded("The written procedure or policy is still to be attached.")
    if shown.cannot["en"]:
        yield worded("Not shown here: {cannot}", cannot=_given(shown.cannot))


def _given(words: Words) -> Message:
    return Given(words["en"], es=words["es"])
