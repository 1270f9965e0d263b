"""Only a form of these pages may change something (OWASP: cross-site request forgery).

Three layers: the cookies of a session are SameSite=Lax, so a form of another site is sent without
them; the browser says where a form comes from; and a form has a value that only its reader has.
"""

from urllib.parse import urlsplit

from flask import request

from console import visit

FIELD = "form_token"


def is_own_form() -> bool:
    """Whether the present request is a form of these pages."""
    return _is_same_origin() and visit.current().is_form_token(request.form.get(FIELD, ""))


def _is_same_origin() -> bool:
    # Browsers since 2023 send it over HTTPS and to localhost, and no page can change it.
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    # Older ones, and plain HTTP to other hosts. A privacy sandbox sends "null".
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc == request.host
    except ValueError:  # such as http://[
        return False
