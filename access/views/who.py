"""Who is asking. Only somebody signed in gets past here."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from access.models import Person

View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Hands the person to the view; anybody else is led to the sign-in page."""

    @wraps(view)
    def asking(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if isinstance(request.user, Person):
            return view(request, request.user, *args, **kwargs)
        if "HX-Request" in request.headers:  # a poll must not pour the sign-in page into a list
            return HttpResponse(status=204, headers={"HX-Refresh": "true"})
        back = request.get_full_path() if request.method == "GET" else "/"
        return redirect_to_login(back)

    return asking
