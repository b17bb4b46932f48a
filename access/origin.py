"""From where somebody asks. What stands in front of the portal is known to the wiring alone."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework.request import Request

IPV6, PREFIX = 6, 64


def address_of(request: HttpRequest | Request) -> str:
    """An IP address, or empty where it is not known."""
    found: str = import_string(settings.ACCESS_CLIENT_ADDRESS)(request)
    return found


def network_of(address: str) -> str:
    """What is counted as one: whoever has one address of IPv6 has the 2^64 beside it as well.
    Empty where the address is."""
    if not address or ip_address(address).version != IPV6:
        return address
    return str(ip_network((address, PREFIX), strict=False))
