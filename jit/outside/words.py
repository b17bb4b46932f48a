"""What people are told of machines outside Azure, in one spelling on pages and in the ledger."""

UNGUARDED = "Nothing keeps this shut outside the window."
NOT_KNOWN = "Whether anything keeps this shut outside the window is not known yet."


def advisory(host: str, address: str) -> str:
    return (
        f"{UNGUARDED} No rule stops {host} from reaching {address} at any other time, so an "
        "approval is advice that Azure does not enforce."
    )
