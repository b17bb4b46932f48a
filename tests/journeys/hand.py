"""A person's hand: counts what it does, and fails when a journey costs more than its budget.

Counted as people count: following a link of a notice, clicking, choosing, typing into the page to
find something. Writing a reason is not counted; it is the one thing that must be thought about.
"""

from __future__ import annotations

from playwright.sync_api import Page


class Hand:
    def __init__(self, page: Page, *, budget: int) -> None:
        self.page, self.budget = page, budget
        self.done: list[str] = []

    def follow(self, link: str) -> None:
        """A link in a mail or a chat."""
        self._count(f"follow {link}")
        self.page.goto(link)

    def click(self, selector: str) -> None:
        self._count(f"click {selector}")
        self.page.click(selector)

    def choose(self, name: str, value: str) -> None:
        self._count(f"choose {name}={value}")
        self.page.check(f"input[name={name}][value='{value}']")

    def pick(self, selector: str, label: str) -> None:
        self._count(f"pick {label}")
        self.page.select_option(selector, label=label)

    def tick(self, label: str) -> None:
        self._count(f"tick {label}")
        self.page.check(f"role=checkbox[name='{label}']")

    def find(self, text: str, then: str) -> None:
        """Typing a part of a name and choosing what is found: one thing to do."""
        self._count(f"find {text}, then {then}")
        self.page.fill("#q", text)
        if self.page.evaluate("'htmx' in window"):
            self.page.wait_for_url(f"**q={text}**")
        else:
            self.page.keyboard.press("Enter")
        self.page.click(then)

    def write(self, selector: str, text: str) -> None:
        self.page.fill(selector, text)

    def write_all(self, **texts: str) -> None:
        """Several fields of one form, such as reason and ticket, as one thing to do."""
        self._count(f"write {', '.join(texts)}")
        for name, text in texts.items():
            self.page.fill(f"#id_{name}", text)

    def _count(self, what: str) -> None:
        self.done.append(what)
        listed = "; ".join(self.done)
        assert len(self.done) <= self.budget, f"more than {self.budget} things to do: {listed}"
