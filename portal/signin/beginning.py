"""A session begins: called by what has just seen who a person is, and by nothing else."""

from django.contrib.auth import login
from django.http import HttpRequest

from access.models import Person
from portal.signin.sessions import HOW

BACKEND = "portal.signin.backend.VouchedFor"


def begin(request: HttpRequest, person: Person, *, how: str) -> None:
    """A new session under a new key, whoever was signed in here before, so that its age counts
    from now. ``how``: demo, entra; at most 16 characters. The caller records the sign-in."""
    request.session.flush()
    login(request, person, backend=BACKEND)
    request.session[HOW] = how
