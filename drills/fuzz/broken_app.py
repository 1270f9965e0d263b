"""The API with a fault in several operations, which the checks of the drill must find."""

from __future__ import annotations

import json
from collections.abc import Callable

from flask import Flask, Response, g, request

from api.app import create_app
from api.errors import MEDIA_TYPE, Problem


def internal_error(response: Response) -> None:
    response.status_code = 500


def more_fields(response: Response) -> None:
    if response.status_code == 200:
        response.set_data(json.dumps(response.get_json() | {"more": 1}))


def other_status(response: Response) -> None:
    if response.status_code == 200:
        response.status_code = 203


def anything_accepted(response: Response) -> None:
    if response.status_code in (400, 415, 422, 428):
        response.status_code = 200


def valid_refused(response: Response) -> None:
    if response.status_code == 200:
        errors = [{"parameter": "limit", "detail": "Not a valid integer."}]
        problem = Problem(422, "The request is not valid.", code="TM201", errors=errors)
        response.status_code, response.content_type = 422, MEDIA_TYPE
        response.set_data(problem.body(g.request_id))


def not_a_problem(response: Response) -> None:
    if response.status_code >= 400:
        response.content_type = "text/html"


def no_log_in(response: Response) -> None:
    if response.status_code == 401:
        response.status_code, response.content_type = 200, "application/json"
        response.set_data(json.dumps({"items": [], "next_cursor": None}))


def other_code(response: Response) -> None:
    if response.status_code >= 400:
        response.set_data(json.dumps(response.get_json() | {"code": "TM299"}))


# By operation: the check that must find it, and the fault.
FAULTS: dict[str, tuple[str, Callable[[Response], None]]] = {
    "GET /v1/me": ("not_a_server_error", internal_error),
    "GET /v1/specialties": ("response_schema_conformance", more_fields),
    "GET /v1/me/notifications": ("status_code_conformance", other_status),
    "PATCH /v1/me": ("negative_data_rejection", anything_accepted),
    "GET /v1/me/access-log": ("valid_request_passes_the_schema", valid_refused),
    "POST /v1/me/email/verify": ("content_type_conformance", not_a_problem),
    "GET /v1/me/sessions": ("ignored_auth", no_log_in),
    "POST /v1/auth/refresh": ("refusal_is_a_documented_problem", other_code),
}


def build() -> Flask:
    """The application, whose answers the faults change."""
    app = create_app()

    @app.after_request
    def change(response: Response) -> Response:
        _, fault = FAULTS.get(f"{request.method} {request.path}", ("", None))
        if fault:
            fault(response)
        return response

    return app
