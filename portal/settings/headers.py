"""Headers of static files, which no middleware of ours sees."""

from wsgiref.headers import Headers


def of_static(headers: Headers, path: str, url: str) -> None:
    """WhiteNoise's signature. Nothing there may be framed or taken into another site's page, and
    what draws (SVG) runs nothing."""
    del path, url
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; sandbox"
    headers["X-Frame-Options"] = "DENY"
    headers["X-Robots-Tag"] = "noindex"
