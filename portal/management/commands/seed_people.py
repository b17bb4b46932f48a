"""``manage.py seed_people``: the demo's people and policy. Exists for the demo sign-in only."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.embedded.people import seed_people
from portal.embedded.policy import seed_policy


class Command(BaseCommand):
    help = "Makes the demo's people and its policy; refused where there is no demo sign-in."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.ACCESS_DEMO_SIGN_IN:
            raise CommandError("These settings have no demo sign-in, so no demo people either.")
        people = seed_people()
        seed_policy()
        self.stdout.write(f"{len(people)} demo people, and their policy")
