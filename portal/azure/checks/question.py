"""One question that is asked of many resources, and the four ways to answer it."""

from collections.abc import Iterable
from dataclasses import dataclass

from access.preflight import Check, Level


@dataclass(frozen=True)
class Question:
    """``title``: what ought to be so, as a sentence. ``why``: what people meet if it is not.
    ``fleeting``: the answer may change by itself within minutes."""

    key: str
    title: str
    why: str
    fleeting: bool = False

    def passes(self, subject: str, evidence: str) -> Check:
        return self.answer(Level.PASS, subject, evidence)

    def unknown(self, subject: str, evidence: str) -> Check:
        """``evidence`` names the fact that is missing."""
        return self.answer(Level.UNKNOWN, subject, f"Not known: {evidence}")

    def warns(self, subject: str, evidence: str, *remedies: str) -> Check:
        return self.answer(Level.WARN, subject, evidence, remedies)

    def fails(self, subject: str, evidence: str, *remedies: str) -> Check:
        return self.answer(Level.FAIL, subject, evidence, remedies)

    def answer(
        self, level: Level, subject: str, evidence: str, remedies: Iterable[str] = ()
    ) -> Check:
        """For a level that depends on who asks. ``remedies``: commands, in their order."""
        remedy = "\n".join(remedies)
        return Check(
            self.key, self.title, level, evidence, remedy, self.why, subject, self.fleeting
        )
