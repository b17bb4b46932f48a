"""``manage.py entra_registration``: what the registration in Entra must be, and the commands."""

import argparse
import json
import re
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandParser
from django.urls import reverse

from portal.directory.registration import Wanted, manifest, script

BACK = ("entra-callback", "signed-out")  # Entra sends people to no address that is not registered
CONTEXT = re.compile(r"c[1-9][0-9]?")


class Command(BaseCommand):
    help = "Prints the portal's registration in Microsoft Entra, and az commands that make it."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--portal-url", required=True, type=_https, metavar="https://…")
        parser.add_argument(
            "--step-up", default="", type=_context, metavar="c1", help="an authentication context"
        )
        parser.add_argument(
            "--group-roles", action="store_true", help="groups give roles besides app roles"
        )
        parser.add_argument("--manifest", action="store_true", help="the JSON alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        back = tuple(f"{options['portal_url']}{reverse(name)}" for name in BACK)
        wanted = Wanted(back, options["step_up"], options["group_roles"])
        if options["manifest"]:
            self.stdout.write(json.dumps(manifest(wanted), indent=2))
        else:
            self.stdout.write(script(wanted))


def _https(text: str) -> str:
    parts = urlsplit(text.rstrip("/"))
    if parts.scheme != "https" or not parts.netloc or parts.path or parts.query or "'" in text:
        raise argparse.ArgumentTypeError("The portal's own address, such as https://access.example")
    return f"https://{parts.netloc}"


def _context(text: str) -> str:
    if text and not CONTEXT.fullmatch(text):
        raise argparse.ArgumentTypeError("An authentication context is called c1 to c99.")
    return text
