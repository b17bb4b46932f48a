"""What must hold of the matrix whatever the table says, and whoever writes it anew.

Each rule answers with the lines that break it. What is meant is said here, as a name with a reason;
nothing is let off for being old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.portal.matrix.addresses import WRITES, Address
from tests.portal.matrix.sent import BODIES, NOBODY
from tests.portal.matrix.walk import DONE, REFUSED, Cells

# Who is not signed in gets an answer here. Nothing of it is about anybody.
PUBLIC = {
    "healthz": "says that the process lives",
    "readyz": "says whether the database answers",
    "sign-in": "where everybody begins",
    "signed-out": "where everybody ends",
    "theme": "a colour, in a cookie of one's own",
    "api-device": "a program asks to be let in; a person must allow it",
    "api-device-token": "fetches what a person has allowed, for who knows the long code",
    "visit": "who holds the address that a vendor was mailed reads whom it is for",
    "visit-send": "... and can have a code sent: to that vendor's mailbox",
    "visit-leave": "signs out whoever is signed in: nobody",
    "visit-left": "where a vendor ends",
    "visit-language": "a language, in a cookie of one's own",
    "visit-brand": "a colour",
    "visit-logo": "a picture",
}
DECISIONS = {
    "request-approve", "request-deny", "approvals-deny", "request-ask-back", "api-request-approve",
    "api-request-deny", "review", "policy-put-in-force", "policy-reject", "lockdown-confirm",
}  # fmt: skip
# What an auditor may do besides looking: their own affairs, exports, and the review of break-glass.
AUDITORS_OWN = {
    "settings": "their own zone",
    "notice-preferences": "their own mail",
    "browser-end": "their own browsers",
    "browsers-end-others": "their own browsers",
    "token-new": "a token of their own",
    "device": "a program of their own",
    "theme": "a colour",
    "sign-out": "themselves",
    "api-device": PUBLIC["api-device"],
    "api-device-token": PUBLIC["api-device-token"],
    "capacity-hosts-csv": "an export, with its line in the ledger",
    "capacity-retiring-csv": "an export, with its line in the ledger",
    "reviews-approvals-csv": "an export, with its line in the ledger",
    "approvals-deny": "nothing that they could decide was ticked",
    **{name: PUBLIC[name] for name in ("visit-send", "visit-leave", "visit-language")},
    "review": "break-glass is reviewed by whoever was not concerned; auditors are told of each",
}
# What is alice's: for an engineer who is not alice it does not exist.
HERS = ("<reference>", "/requests/<pk>/", "/grants/<pk>/", "/sessions/<pk>/", "/tokens/<pk>/",
        "/notices/<pk>/", "<handle>")  # fmt: skip
# Taking a table away is reading, and leaves a line.
EXPORTS = {"api-export-grants", "api-export-ledger", "api-export-requests"}
# A question that is sent, because it is long: nothing comes of it.
QUESTIONS = {"api-request-preview", "vendor-letter"}
TOKENS = ("token read", "token ask", "token appr", "token adm", "program")
VENDORS = ("vendor A", "vendor B")
VISIT = "/visit/"
NOT_THERE = ("404", "405")
# That somebody looked is written down, so often and no more; nothing else comes of it.
EVIDENCE = {"visit"}

Rows = Iterator[tuple[Address, str, dict[str, str]]]
Rule = Callable[[list[Address], Cells], list[str]]


def rows(known: list[Address], cells: Cells) -> Rows:
    for address in known:
        for (route, method), row in cells.items():
            if route == address.route:
                yield address, method, row


def who_is_nobody_gets_nothing(known: list[Address], cells: Cells) -> list[str]:
    return [
        f"{method} {address.route}: {row['anonymous']}"
        for address, method, row in rows(known, cells)
        if row["anonymous"] not in ("in", "401", "404", "405") and address.name not in PUBLIC
        if not (address.route.startswith(VISIT) and row["anonymous"] == "403")  # no sign-in there
    ]


def who_is_disabled_is_nobody(known: list[Address], cells: Cells) -> list[str]:
    return [
        f"{method} {address.route}: {row['disabled']} and not {row['anonymous']}"
        for address, method, row in rows(known, cells)
        if row["disabled"] != row["anonymous"]
    ]


def no_token_decides(known: list[Address], cells: Cells) -> list[str]:
    return [
        f"{method} {address.route} by {who}: {row[who]}"
        for address, method, row in rows(known, cells)
        for who in TOKENS
        if address.name in DECISIONS and method in WRITES and _gets_through(row[who])
    ]


def no_token_is_for_the_pages(known: list[Address], cells: Cells) -> list[str]:
    return [
        f"{method} {address.route} by {who}: {row[who]} and not {row['anonymous']}"
        for address, method, row in rows(known, cells)
        for who in TOKENS
        if not address.route.startswith("/api/") and row[who] != row["anonymous"]
    ]


def a_token_to_read_changes_nothing(known: list[Address], cells: Cells) -> list[str]:
    """But for itself: a token can always be given back with itself."""
    itself = {"api-token-current", "api-device", "api-device-token"} | EXPORTS
    return [
        f"{method} {address.route}: {row['token read']}"
        for address, method, row in rows(known, cells)
        if DONE in row["token read"] and address.name not in itself
        if not address.route.startswith(VISIT)  # where nobody looks at it: see below
    ]


def auditors_change_nothing(known: list[Address], cells: Cells) -> list[str]:
    return [
        f"{method} {address.route}: {row['auditor']}"
        for address, method, row in rows(known, cells)
        if method in WRITES and _gets_through(row["auditor"]) and address.name not in AUDITORS_OWN
    ]


def who_may_not_decide_decides_nothing(known: list[Address], cells: Cells) -> list[str]:
    """A guest whom the policy names, the requester's own second account, the requester, an approver
    of other things, and an administrator are not asked instead of an approver."""
    about_requests = {name for name in DECISIONS if "request" in name or name == "approvals-deny"}
    never = {"guest": DECISIONS, "twin": DECISIONS, "requester": DECISIONS}
    never |= dict.fromkeys(("elsewhere", "admin", "admin 2", "auditor"), about_requests)
    return [
        f"{method} {address.route} by {who}: {row[who]}"
        for address, method, row in rows(known, cells)
        for who, names in never.items()
        if address.name in names and method in WRITES and DONE in row[who]
    ]


def one_administrator_is_not_two(known: list[Address], cells: Cells) -> list[str]:
    two = {"policy-put-in-force", "policy-reject", "lockdown-confirm"}
    return [
        f"{method} {address.route} by the one who began it: {row['admin']}"
        for address, method, row in rows(known, cells)
        if address.name in two and DONE in row["admin"]
    ]


def what_is_hers_does_not_exist_for_others(known: list[Address], cells: Cells) -> list[str]:
    """404 and not 403, for an engineer and for who has no role: not even that it is there."""
    return [
        f"{method} {address.route} by {who}: {row[who]}"
        for address, method, row in rows(known, cells)
        for who in ("engineer", "no role")
        if any(mark in address.route for mark in HERS) and row[who] not in NOT_THERE
    ]


def looking_changes_nothing(known: list[Address], cells: Cells) -> list[str]:
    return [
        f"{method} {address.route} by {who}: {cell}"
        for address, method, row in rows(known, cells)
        for who, cell in row.items()
        if method in ("GET", "HEAD", "OPTIONS")
        and DONE in cell
        and (address.name not in EXPORTS or method != "GET")
        and address.name not in EVIDENCE
    ]


def vendors_are_nobody_to_the_portal(known: list[Address], cells: Cells) -> list[str]:
    """X-48: what they hold opens their visit, and not one page, file or list of ours."""
    return [
        f"{method} {address.route} by {who}: {row[who]} and not {row['anonymous']}"
        for address, method, row in rows(known, cells)
        for who in VENDORS
        if not address.route.startswith(VISIT) and row[who] != row["anonymous"]
    ]


def nobody_of_the_portal_is_a_vendor(known: list[Address], cells: Cells) -> list[str]:
    """Whoever is signed in here, and whatever token they bring: on a visit they are strangers."""
    return [
        f"{method} {address.route} by {who}: {cell} and not {row['anonymous']}"
        for address, method, row in rows(known, cells)
        for who, cell in row.items()
        if address.route.startswith(VISIT) and who not in VENDORS and cell != row["anonymous"]
    ]


def a_visit_is_its_own_vendors(known: list[Address], cells: Cells) -> list[str]:
    """X-48: another vendor's machine is not there, also for who numbers doors by guessing."""
    return [
        f"{method} {address.route}: {row['vendor A']} for its vendor, {row['vendor B']} for another"
        for address, method, row in rows(known, cells)
        if address.name == "visit-open" and method == "POST"
        if not _gets_through(row["vendor A"]) or row["vendor B"] != f"409{REFUSED}"
    ]


def nothing_breaks(known: list[Address], cells: Cells) -> list[str]:
    return [
        f"{method} {address.route} by {who}: {cell}"
        for address, method, row in rows(known, cells)
        for who, cell in row.items()
        if cell.startswith("5")
    ]


def a_refused_write_is_in_the_ledger(known: list[Address], cells: Cells) -> list[str]:
    return [
        f"{method} {address.route} by {who}"
        for address, method, row in rows(known, cells)
        for who, cell in row.items()
        if method in WRITES and cell == "403" and address.name not in QUESTIONS
        if who in VENDORS or not address.route.startswith(VISIT)  # of nobody there is no line
    ]


def somebody_gets_through(known: list[Address], cells: Cells) -> list[str]:
    """Else what was sent made no sense, and 400 hides whether anybody asked who sent it."""
    found = []
    for address, method, row in rows(known, cells):
        answered = set(row.values()) - {"in", "401"}
        if method not in WRITES or "405" in answered or (address.name, method) in NOBODY:
            continue  # whom 404 meets is told before that there is no such method
        if (address.name, method) not in BODIES:
            found.append(f"{method} {address.route}: say in BODIES what is sent")
        elif not any(_gets_through(cell) or cell.startswith("in+") for cell in answered):
            found.append(f"{method} {address.route}: {sorted(answered)}")
    return found


def _gets_through(cell: str) -> bool:
    return cell[:1] == "2" or cell[:3] in ("302", "303")


RULES: tuple[Rule, ...] = (
    who_is_nobody_gets_nothing,
    who_is_disabled_is_nobody,
    no_token_decides,
    no_token_is_for_the_pages,
    a_token_to_read_changes_nothing,
    auditors_change_nothing,
    who_may_not_decide_decides_nothing,
    one_administrator_is_not_two,
    what_is_hers_does_not_exist_for_others,
    looking_changes_nothing,
    vendors_are_nobody_to_the_portal,
    nobody_of_the_portal_is_a_vendor,
    a_visit_is_its_own_vendors,
    nothing_breaks,
    a_refused_write_is_in_the_ledger,
    somebody_gets_through,
)
