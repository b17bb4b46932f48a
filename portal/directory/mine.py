"""Which of some groups a person belongs to, asked with the person's own token at sign-in.

For tokens that leave groups out because there are too many. Called by the web process, so it
must never import Azure's SDKs; the token is the person's, good for their own profile only.
"""

from collections.abc import Collection
from contextlib import closing

from portal.directory.graph import OF_A_PERSON_WAITING, Graph, Unknown, guid

AT_ONCE = 20  # groups that Graph looks up in one question

__all__ = ["Unknown", "groups_of_token"]


def groups_of_token(access_token: str, wanted: Collection[str]) -> frozenset[str]:
    """Those of ``wanted`` (object ids) that the token's person is in, directly or by way of other
    groups. Raises ``Unknown`` when any part of it is not known: that is not "in none of them"."""
    asked = sorted({guid(group) for group in wanted})
    found: set[str] = set()
    with closing(Graph(lambda: access_token, OF_A_PERSON_WAITING)) as graph:
        for start in range(0, len(asked), AT_ONCE):
            some = asked[start : start + AT_ONCE]
            answer = {
                guid(group) for group in graph.tell("/me/checkMemberGroups", {"groupIds": some})
            }
            if not answer.issubset(some):
                raise Unknown("Microsoft Graph named groups that were not asked about.")
            found |= answer
    return frozenset(found)
