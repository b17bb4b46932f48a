"""Azure's figures, as the settings have them."""

from django.conf import settings

from portal.budget.bucket import Rate

CALLS = ("reads", "writes", "deletes")


def rate_of(calls: str) -> Rate:
    return Rate(*getattr(settings, f"AZURE_BUDGET_{calls.upper()}"))


def reserve_of(calls: str) -> float:
    """Tokens that are kept for closing, where others spend from the same bucket."""
    return rate_of(calls).room * float(settings.AZURE_BUDGET_FOR_CLOSES)
