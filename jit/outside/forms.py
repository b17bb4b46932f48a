"""What an administrator types of a machine outside Azure. The rules are the service's."""

from typing import Any

from django import forms
from django.http import QueryDict

from access.forms.plain import PlainForm
from access.models import BastionHost
from access.services.submit import REASON_LIMIT
from jit.outside.models import OutsideTarget
from jit.outside.services import Details

PORTS = [("22", "22 (SSH)"), ("3389", "3389 (RDP)")]
SYSTEMS = [("linux", "Linux or other"), ("windows", "Windows")]


class OutsideForm(PlainForm):
    renames = {"host_id": "host"}

    name = forms.CharField(max_length=63, error_messages={"required": "Give it a name."})
    address = forms.CharField(
        max_length=15, error_messages={"required": "Give its private address."}
    )
    os = forms.ChoiceField(
        choices=SYSTEMS, error_messages={"required": "Choose the operating system."}
    )
    ports = forms.MultipleChoiceField(
        choices=PORTS, error_messages={"required": "Choose a port, or both."}
    )
    host = forms.TypedChoiceField(
        coerce=int,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), "Choose a Bastion host from the list."
        ),
    )
    owner = forms.CharField(required=False, max_length=64)
    environment = forms.CharField(required=False, max_length=64)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        hosts: list[BastionHost],
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["host"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(str(host.pk), f"{host.name} ({host.sku})") for host in hosts]

    def details(self) -> Details:
        """Of a valid form."""
        sent = self.cleaned_data
        return Details(
            name=sent["name"].strip(),
            address=sent["address"].strip(),
            os=sent["os"],
            ports=tuple(int(port) for port in sent["ports"]),
            host_id=sent["host"],
            owner=sent["owner"],
            environment=sent["environment"],
        )


class RetireForm(PlainForm):
    reason = forms.CharField(
        max_length=REASON_LIMIT,
        error_messages={"required": "Say why. Whoever looks for it will want to know."},
    )


def initial_of(target: OutsideTarget) -> dict[str, Any]:
    machine = target.machine
    return {
        "name": machine.name,
        "address": machine.private_ip,
        "os": machine.os,
        "ports": [str(port) for port in target.ports],
        "host": str(machine.bastion_id or ""),
        "owner": machine.owner,
        "environment": machine.environment,
    }
