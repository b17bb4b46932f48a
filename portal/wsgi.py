"""For gunicorn and waitress."""

from django.core.wsgi import get_wsgi_application

from portal.signin.entra.config import require_credential

application = get_wsgi_application()
require_credential()
