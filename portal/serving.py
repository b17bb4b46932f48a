"""How gunicorn serves the portal: ``gunicorn --config python:portal.serving portal.wsgi``.

Not to be believed: whatever a client says of itself. Which header a proxy of ours may set is for
Django's settings to say (BEHIND_TLS_PROXY), once, and not for gunicorn as well.
"""

import os

from gunicorn.http import wsgi

bind = os.environ.get("BIND", "0.0.0.0:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
worker_tmp_dir = "/dev/shm"  # noqa: S108 - a heartbeat file; disks may be slow or read-only
timeout = 30
graceful_timeout = 30
control_socket_disable = True  # nobody steers it but who starts it

# The longest address of the portal has some 1,500 characters, its largest header is a cookie.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
# X_Forwarded_Proto and X-Forwarded-Proto are one variable of WSGI: the first is refused.
header_map = "refuse"
forwarded_allow_ips = ""  # from nobody: not even this machine's own says which scheme it was
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}

# One line for each request is written by portal.logs, with the route in place of the address:
# what people typed, and codes of a sign-in, stand in addresses.
accesslog = None
errorlog = "-"
logger_class = "portal.logs.server.ServerLog"  # its own lines in the form of all others


class Response(wsgi.Response):  # type: ignore[misc]
    """Which server this is, is nobody's business."""

    def default_headers(self) -> list[str]:
        lines: list[str] = super().default_headers()
        return [line for line in lines if not line.startswith("Server:")]


wsgi.Response = Response
