"""What is left to say of an access that is over, or is not to be had at this moment."""

from django.http import HttpRequest, HttpResponse

from links.models import Invitation, VendorBrowser
from links.visiting import showing
from links.visiting.standing import Standing
from links.visiting.views import pages


def over(
    request: HttpRequest,
    invitation: Invitation,
    standing: Standing,
    *,
    back: str,
    browser: VendorBrowser | None = None,
) -> HttpResponse:
    facts = {
        "invitation": invitation,
        "standing": standing,
        "browser": browser,
        "closing": showing.is_closing(standing),
        "closed": showing.is_closed(standing),
    }
    return pages.page(request, "over", facts, back=back)
