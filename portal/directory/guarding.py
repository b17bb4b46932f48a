"""Whether anything stands behind the step-up.

An authentication context means nothing by itself: a token may name it also where no policy of
Conditional Access asks for anything in it.
"""

from django.conf import settings

from portal.directory.graph import Graph, Refused, Row, Unknown


def is_step_up_guarded(graph: Graph, remarks: list[str]) -> bool | None:
    """``None``: not known, or no step-up is set up. Needs the permission Policy.Read.All."""
    context = settings.ENTRA_STEP_UP_CONTEXT
    if not context:
        return None
    try:
        policies = list(graph.rows("/identity/conditionalAccess/policies"))
    except Refused:
        remarks.append("Policies of Conditional Access may not be read: it lacks Policy.Read.All.")
        return None
    except Unknown as error:
        remarks.append(f"Policies of Conditional Access could not be read. {error}")
        return None
    return any(_guards(policy, context) for policy in policies)


def _guards(policy: Row, context: str) -> bool:
    """In force, not only reported; what it demands is its owners' matter, but it must demand."""
    applications = (policy.get("conditions") or {}).get("applications") or {}
    named = applications.get("includeAuthenticationContextClassReferences") or []
    demands = policy.get("grantControls") or policy.get("sessionControls")
    return policy.get("state") == "enabled" and context in named and bool(demands)
