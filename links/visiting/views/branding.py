"""What the pages wear, and in which language they speak."""

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from links.visiting import brand, languages
from links.visiting.views import pages

KEPT = "public, max-age=3600"
# A picture that holds a script or leads elsewhere does neither.
DRAWS_ONLY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
PLAIN = re.compile(r"[\w/-]{1,100}", re.ASCII)  # as our addresses are: no dots, no line breaks


@require_safe
def style(request: HttpRequest) -> HttpResponse:
    del request
    return HttpResponse(brand.style(), content_type="text/css; charset=utf-8")


@require_safe
def logo(request: HttpRequest) -> HttpResponse:
    del request
    found = brand.logo()
    if found is None:
        raise Http404
    headers = {"Cache-Control": KEPT, "Content-Security-Policy": DRAWS_ONLY}
    return HttpResponse(found.content, content_type=found.kind, headers=headers)


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Back to the page that asked, which is one of these."""
    wanted, back = request.POST.get("language", ""), request.POST.get("next", "")
    answer = pages.led_to(back if _is_ours(back) else reverse("visit-left"))
    if wanted in languages.offered():
        languages.keep(answer, wanted)
    return answer


def _is_ours(address: str) -> bool:
    inside = address.startswith(reverse("visit-left").removesuffix("left/"))
    return inside and PLAIN.fullmatch(address) is not None
