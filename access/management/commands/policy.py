"""``manage.py policy``: test a policy, see what it would change, propose it, write out the one in
force. Putting a version in force takes a second administrator, in the portal.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser

from access.clock import db_now
from access.errors import AccessError, Invalid
from access.models import Person, PolicyVersion
from access.presenters.policy_changes import Change, changes_between
from access.presenters.policy_effect import DAYS, Effect, Otherwise, effect_of
from access.rules.cases import read_cases
from access.rules.document import BadPolicy, parse
from access.ruling import BUILT_IN, InForce, policy_in_force
from access.services import policies
from access.trying import TRIED, CannotTry, Result, account, try_case

SIGNS = {"Added": "+", "Removed": "-", "Changed": "~", "Moved": ">", "Renamed": "~"}
Read = TypeVar("Read")
FROM_HERE = "From the command line: "


class Command(BaseCommand):
    help = "Tests, compares, proposes and writes out access policies."

    def add_arguments(self, parser: CommandParser) -> None:
        does = parser.add_subparsers(dest="does", required=True)
        test = does.add_parser(
            "test", help="try the cases of test files; exit status 1 if one fails"
        )
        test.add_argument("files", nargs="+", type=Path)
        test.add_argument("--policy", type=Path, help="instead of the one that the files name")
        plan = does.add_parser("plan", help="what a policy would change")
        plan.add_argument("file", type=Path)
        apply = does.add_parser("apply", help="propose a policy; a second administrator decides")
        apply.add_argument("file", type=Path)
        apply.add_argument("--note", required=True, help="what changes and why")
        who = apply.add_mutually_exclusive_group(required=True)
        who.add_argument("--by", help="the administrator who proposes it: tenant/object")
        who.add_argument(
            "--first", action="store_true", help="put in force at once; only where none ever was"
        )
        export = does.add_parser("export", help="write out the policy in force, as YAML")
        export.add_argument("--version-number", type=int, help="another version than that")

    def handle(self, *_args: Any, does: str, **options: Any) -> None:
        commands: dict[str, Callable[..., None]] = {
            "test": self._test,
            "plan": self._plan,
            "apply": self._apply,
            "export": self._export,
        }
        commands[does](**options)

    def _test(self, *, files: list[Path], policy: Path | None, **_options: Any) -> None:
        now, results = db_now(), list[Result]()
        for file in files:
            cases = _readable(file, read_cases)
            named = policy or (file.parent / cases.policy if cases.policy else None)
            tried = _readable(named, parse) if named else policy_in_force().policy
            for case in cases.cases:
                results.append(try_case(case, tried, now))
                self._say_result(results[-1])
        failed = sum(bool(each.wrong) for each in results)
        self.stdout.write(f"\n{len(results)} tried, {len(results) - failed} as expected.")
        if failed:
            raise CommandError(f"{failed} not as expected.")

    def _say_result(self, result: Result) -> None:
        if not result.wrong:
            self.stdout.write(f"{self.style.SUCCESS('ok')}    {result.case.name}")
            return
        self.stdout.write(f"{self.style.ERROR('FAIL')}  {result.case.name}")
        for line in (*result.wrong, *result.notes):
            self.stdout.write(f"        {line}")

    def _plan(self, *, file: Path, **_options: Any) -> None:
        wanted, current = _readable(file, parse), policy_in_force()
        name = f"version {current.number}" if current.number else "the built-in policy"
        changes = changes_between(current.policy, wanted)
        if not changes:
            self.stdout.write(f"Nothing changes: {name} says the same.")
            return
        self.stdout.write(f"{file.name} compared with {name}, which is in force:\n\n")
        for change in changes:
            self._say_change(change)
        self._say_effect(effect_of(current, InForce(wanted, TRIED), db_now()))

    def _say_change(self, change: Change) -> None:
        self.stdout.write(f"{SIGNS[change.word]} {change.what}: {change.word.lower()}")
        for each in change.details:
            self.stdout.write(f"    {each.label}:")
            for sign, text in (("-", each.before), ("+", each.after)):
                if text:
                    self.stdout.write(f"      {sign} {text}")

    def _say_effect(self, effect: Effect) -> None:
        cut = " newest looked at" if effect.cut else ""
        self.stdout.write(
            f"\nRequests of the last {DAYS} days: {effect.judged}{cut}, of which "
            f"{len(effect.otherwise)} would be judged otherwise ({effect.stricter} more strictly, "
            f"{effect.looser} less strictly)."
        )
        self._say_requests(effect.shown)
        if effect.unshown:
            self.stdout.write(f"  and {effect.unshown} more")
        self.stdout.write(
            f"Waiting to be decided or opened: {effect.waiting}, of which {len(effect.held)} would "
            "ask for more than people agreed to, and would be approved anew before they open."
        )
        self._say_requests(effect.held)

    def _say_requests(self, rows: list[Otherwise]) -> None:
        for each in rows:
            less = [f"less strict: {line}" for line in each.looser if not each.stricter]
            words = (
                "; ".join([*each.stricter, *less]) or "asked of other people, or ended otherwise"
            )
            asked = each.access_request
            self.stdout.write(f"  {asked.reference} {asked.requester.display_name}: {words}")

    def _apply(self, *, file: Path, note: str, by: str | None, first: bool, **_: Any) -> None:
        _readable(file, parse)
        source = file.read_text()
        try:
            if first:
                made = policies.install_first(source, note=note)
            else:
                made = _propose(source, FROM_HERE + note, account(by or ""))
        except Invalid as bad:
            raise CommandError("\n".join(bad.fields.values())) from bad
        except (AccessError, CannotTry) as refusal:
            raise CommandError(str(refusal)) from refusal
        how = "is in force" if first else "waits for a second administrator, in the portal"
        self.stdout.write(self.style.SUCCESS(f"Version {made.number} {how}."))

    def _export(self, *, version_number: int | None, **_options: Any) -> None:
        current = policy_in_force()
        number = current.number if version_number is None else version_number
        if number == BUILT_IN:
            plain = current.policy if current.number == BUILT_IN else None
            if plain is None:
                raise CommandError("The built-in policy is no version.")
            text = "# The built-in policy: no version was put in force yet.\n"
            text += yaml.safe_dump(plain.document, sort_keys=False, allow_unicode=True)
        else:
            row = PolicyVersion.objects.filter(number=number).first()
            if row is None:
                raise CommandError(f"There is no version {number}.")
            text = row.source
        self.stdout.write(text, ending="")


def _propose(source: str, note: str, by: Person) -> PolicyVersion:
    number = policy_in_force().number
    return policies.propose(source, note=note, by=by, based_on=number)


def _readable(file: Path, read: Callable[[str], Read]) -> Read:
    """What the file says. A file that cannot be read is told with all that is wrong in it."""
    try:
        return read(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    except BadPolicy as bad:
        lines = "\n".join(f"  {problem}" for problem in bad.problems)
        raise CommandError(f"{file} is refused:\n{lines}") from bad
