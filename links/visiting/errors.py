"""What a vendor's person may not do now, as a code: the pages say it in their language."""

from typing import Any


class Refusal(Exception):
    """``facts``: what the sentence is filled with."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts
