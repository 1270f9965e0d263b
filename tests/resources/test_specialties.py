"""The list of specialties."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.client import Client, ok, places, race


def listed(client: Client) -> dict[str, dict[str, object]]:
    pages = client.pages("/v1/specialties", limit=2)
    rows = [row for page in pages for row in page]
    codes = [row["code"] for row in rows]
    assert codes == sorted(set(codes))
    return {row["code"]: row for row in rows}


def test_new_doctor_with_a_new_specialty_adds_it_to_the_list(
    patient: Client, admin: Client, new_doctor: Callable[..., Client]
) -> None:
    assert "balneology" not in listed(patient)
    doctors = [new_doctor(specialty=name) for name in ("Balneology", "balnéology", "BALNEOLOGY")]
    expected = {"code": "balneology", "name": "Balneology", "active_doctors": 3}
    assert listed(patient)["balneology"] == expected
    ok(admin.post(f"/v1/admin/users/{doctors[0].id}/deactivate"))
    assert listed(patient)["balneology"] == expected | {"active_doctors": 2}


def test_concurrent_onboardings_with_one_new_specialty_add_it_once(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    race([lambda: new_doctor(specialty="Chronomedicine")] * 4)
    assert listed(patient)["chronomedicine"]["active_doctors"] == 4


def test_code_of_a_specialty_finds_doctors_and_slots(
    patient: Client, new_doctor: Callable[..., Client]
) -> None:
    doctor = new_doctor(specialty="Hyperbaric & Diving Medicine")
    slot = doctor.publish()
    code = ok(patient.get(f"/v1/doctors/{doctor.id}"))["specialty_code"]
    assert code == "hyperbaric_diving_medicine"
    assert listed(patient)[code]["active_doctors"] == 1
    for specialty in (code, "hyperbaric & diving medicine"):
        for path, expected in (("/v1/doctors", doctor.id), ("/v1/slots", slot["id"])):
            found = ok(patient.get(path, specialty=specialty))["items"]
            assert [row["id"] for row in found] == [expected]


@pytest.mark.parametrize("query", [{"limit": 0}, {"cursor": "x"}, {"name": "Surgery"}])
def test_list_with_an_invalid_query_is_refused(patient: Client, query: dict[str, object]) -> None:
    assert set(places(patient.get("/v1/specialties", **query))) == set(query)
