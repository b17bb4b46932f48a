"""For gunicorn and waitress."""

from django.core.wsgi import get_wsgi_application
from django.utils.module_loading import import_string

from portal.signin.entra.config import require_credential

application = get_wsgi_application()
require_credential()
import_string("links.visiting.terms.require_readable")()  # knows models, which are loaded now
