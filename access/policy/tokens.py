"""Ways in without a browser: whose they are, and who takes them back."""

from django.db.models import QuerySet

from access.errors import NotAllowed
from access.models import ApiToken, Person
from access.policy.table import Act, has


def check_may_make_token(by: Person) -> None:
    """A program has an identity of its own and needs none of ours; no token makes another."""
    if by.is_application or by.scopes is not None or not by.is_active:
        raise NotAllowed("Personal tokens are for people, who make them on the pages.")


def check_may_revoke_token(token: ApiToken, by: Person) -> None:
    own = token.person_id == by.pk and by.is_active
    if not own and not has(by, Act.REVOKE_TOKEN):
        raise NotAllowed("Only whose token it is, or an administrator, can revoke it.")


def may_revoke_token(token: ApiToken, person: Person) -> bool:
    return has(person, Act.REVOKE_TOKEN) or (token.person_id == person.pk and person.is_active)


def may_see_tokens(person: Person) -> bool:
    """Those of others."""
    return has(person, Act.SEE_TOKENS)


def visible_tokens(person: Person) -> QuerySet[ApiToken]:
    everything = ApiToken.objects.all()
    return everything if may_see_tokens(person) else everything.filter(person=person)
