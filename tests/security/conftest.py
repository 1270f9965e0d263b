"""Fixtures of the security tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.client import Client
from tests.support.operations import Operation, ValidRequests, operations


@pytest.fixture(scope="module")
def clinic(
    new_patient: Callable[..., Client], new_doctor: Callable[..., Client], admin: Client
) -> ValidRequests:
    """A clinic that only the tests of one module use."""
    return ValidRequests(new_patient(), new_doctor(), admin)


@pytest.fixture
def operation(request: pytest.FixtureRequest, stranger: Client) -> Operation:
    """The operation that the parameter names, by its id or as in `GET /v1/me`."""
    by_name = {n: o for o in operations(stranger.contract.document) for n in (o.id, str(o))}
    return by_name[request.param]
