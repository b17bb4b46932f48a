"""What every command works with: the portal, as whom, and where to print."""

import os
from dataclasses import dataclass, field
from functools import cached_property

from bastion_access import keeping
from bastion_access.address import portal_address
from bastion_access.errors import NotSignedIn, Wrong
from bastion_access.output import Output
from bastion_access.portal import Portal

URL, TOKEN = "BASTION_ACCESS_URL", "BASTION_ACCESS_TOKEN"  # names of variables


@dataclass
class Desk:
    """``named``: the portal of ``--portal``; empty for the usual one."""

    named: str = ""
    output: Output = field(default_factory=Output)

    @cached_property
    def address(self) -> str:
        """Of the portal: as told, else of the environment, else where one signed in last."""
        told = self.named or os.environ.get(URL, "") or keeping.last_portal()
        if not told:
            raise Wrong("Which portal? Sign in first: bastion-access sign-in https://…")
        return portal_address(told)

    @cached_property
    def portal(self) -> Portal:
        """Signed in, as far as is known here. Raises ``NotSignedIn``."""
        token = token_from_environment()
        kept = None if token else keeping.kept_for(self.address)
        if kept is not None:
            token = kept.token
        if not token:
            raise NotSignedIn(f"You are not signed in at {self.address}: bastion-access sign-in")
        return Portal(self.address, token, self.output.say)

    def page(self, path: str) -> str:
        """The address of one of the portal's pages."""
        return f"{self.address}{path}"


def token_from_environment() -> str:
    token = os.environ.get(TOKEN, "").strip()
    if not all(" " < character < "\x7f" for character in token):
        raise Wrong(f"{TOKEN} holds something that no token looks like.")
    return token


def without_token() -> dict[str, str]:
    """The environment for another program."""
    return {name: value for name, value in os.environ.items() if name != TOKEN}
