"""What is left of calls to Azure, in tests that let time go by without waiting for it."""

from __future__ import annotations


def takes_calls_again() -> None:
    """The time is over for which Azure wanted to be left alone."""
    from portal.budget.stores import memory
    from portal.models import Budget

    memory.forget()
    Budget.objects.all().delete()
