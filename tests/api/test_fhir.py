"""Labels as a hospital's own systems say them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from service.store.models import champion
from service.store.rows import rows_between
from tests.api.serving import DICOM
from tests.films import ACCESSION, make_film

ASK, FHIR = "/v1/models/chest/predictions", {"Content-Type": "application/fhir+json"}
READER, PATIENT = "Dr. Agathe Zimmermann", "Erika Mustermann <script>alert(1)</script>"
ACSN = {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]}, "value": ACCESSION}
SCT = "http://snomed.info/sct"


def make_observation(**changes: Any) -> dict[str, Any]:
    """An Observation as a radiology system sends it, with all that does not concern us."""
    whole = {
        "resourceType": "Observation",
        "id": "o1",
        "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/Observation"]},
        "text": {"status": "generated", "div": f"<div>{PATIENT}</div>"},
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "imaging"}]}],
        "code": {"coding": [{"system": SCT, "code": "00000", "display": "unknown here"}], "text": "opacity"},
        "subject": {"reference": "Patient/p1", "display": PATIENT},
        "basedOn": [{"type": "ServiceRequest", "identifier": ACSN}],
        "performer": [{"reference": "Practitioner/17", "display": READER}],
        "issued": "2026-03-02T15:30:00.000+01:00",
        "valueCodeableConcept": {"coding": [{"system": SCT, "code": "52101004", "display": "Present"}]},
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def make_report(*contained: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "36643-5"}]},
        "subject": {"reference": "Patient/p1"},
        "identifier": [ACSN],
        "issued": "2026-03-02T16:00:00Z",
        "resultsInterpreter": [{"reference": "Practitioner/17"}],
        "conclusion": f"Opacity in {PATIENT}",
        "contained": list(contained),
    } | changes


@pytest.fixture
def film(client: httpx.Client) -> str:
    return str(client.post(ASK, content=make_film(SOPInstanceUID="1.2.3.4", StudyInstanceUID="1.2.3"), headers=DICOM).json()["id"])


def send(client: httpx.Client, resource: object, **terms: str) -> dict[str, Any]:
    reply = client.post("/v1/labels/fhir", json=resource, headers=FHIR, params=terms)
    assert PATIENT not in reply.text
    assert READER not in reply.text
    body: dict[str, Any] = reply.json()
    return body | {"status": reply.status_code}


def stored(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [
            tuple(row) for row in connection.execute(text("select finding, value, tier, reader is not null from labels order by finding"))
        ]


def test_an_observation_is_a_label_of_its_accession(client: httpx.Client, engine: Engine, film: str) -> None:
    first, again = (send(client, make_observation()) for _ in range(2))
    assert (first["status"], first["added"], again["added"]) == (200, 1, 0)
    assert stored(engine) == [("opacity", 1.0, "read", True)]


def test_a_report_gives_its_observations_what_they_lack(client: httpx.Client, engine: Engine, film: str) -> None:
    bare = make_observation(
        basedOn=None, performer=None, issued=None, valueCodeableConcept=None, interpretation=[{"coding": [{"code": "NEG"}]}]
    )
    positive = make_observation(basedOn=None, code={"text": "effusion"}, valueCodeableConcept=None, valueBoolean=True)
    body = send(client, make_report(bare, positive, {"resourceType": "Organization"}), tier="panel")
    assert (body["received"], body["added"]) == (2, 2)
    assert stored(engine) == [("effusion", 1.0, "panel", True), ("opacity", 0.0, "panel", True)]


def test_a_bundle_finds_observations_beside_their_report_and_says_which_it_could_not_take(
    client: httpx.Client, engine: Engine, film: str
) -> None:
    beside = make_observation(basedOn=None, performer=None, valueCodeableConcept={"coding": [{"code": "82334004"}]})
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": make_report(result=[{"reference": "urn:uuid:2"}])},
        {"fullUrl": "urn:uuid:2", "resource": beside},
        {"fullUrl": "urn:uuid:3", "resource": make_observation(status="preliminary")},
        {"fullUrl": "urn:uuid:4", "resource": make_observation(code={"text": PATIENT})},
        {"fullUrl": "urn:uuid:5", "resource": make_observation(basedOn=None)},
        {"fullUrl": "urn:uuid:6", "resource": make_observation(valueCodeableConcept=None, valueString=PATIENT)},
        {"fullUrl": "urn:uuid:7", "resource": make_observation(issued="2026-03-02T15:30:00")},
        {"fullUrl": "urn:uuid:8", "resource": {"resourceType": "Patient", "name": [{"text": PATIENT}]}},
        {"fullUrl": "urn:uuid:9", "resource": {"resourceType": "Observation", "status": 5}},
    ]
    body = send(client, {"resourceType": "Bundle", "type": "collection", "entry": entries})
    assert (body["status"], body["received"], body["accepted"], body["added"]) == (207, 7, 1, 1)
    assert [error["line"] for error in body["errors"]] == [2, 3, 4, 5, 6, 7]
    assert stored(engine) == [("opacity", None, "read", True)]


@pytest.mark.parametrize(("kind", "uid"), [("Media", "1.2.3.4"), ("ImagingStudy", "1.2.3")])
def test_a_study_and_an_instance_are_known_by_their_uid(client: httpx.Client, engine: Engine, film: str, kind: str, uid: str) -> None:
    named = {"type": kind, "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}}
    assert send(client, make_observation(basedOn=None, derivedFrom=[named]))["added"] == 1


def test_an_observation_that_comes_before_its_film_waits(client: httpx.Client) -> None:
    assert send(client, make_observation())["waiting"] == 1


def test_what_is_no_resource_is_refused_as_a_whole(shared: httpx.Client) -> None:
    nothing: tuple[object, ...] = ({"resourceType": "Patient", "name": PATIENT}, [], {"resourceType": "Observation"}, {})
    for resource in nothing:
        assert send(shared, resource)["type"] == "/problems/invalid-request"
    assert shared.post("/v1/labels/fhir", content=b"{}", headers={"Content-Type": "application/xml"}).status_code == 415


def counting(engine: Engine) -> float:
    """What counts of the one film, as a tally reads it."""
    with engine.connect() as connection:
        version = champion(connection, "chest")
        since = datetime(2020, 1, 1, tzinfo=UTC)
        return float(rows_between(connection, version.id, since, since + timedelta(days=36_500), ["opacity", "effusion"]).labels[0, 0])


@pytest.mark.parametrize("changes", [{}, {"meta": {"lastUpdated": "2026-03-03T08:00:00Z"}}, {"valueCodeableConcept": None}])
def test_what_was_entered_in_error_takes_back_what_was_said_and_may_be_sent_twice(
    client: httpx.Client, engine: Engine, film: str, changes: dict[str, Any]
) -> None:
    assert send(client, make_observation())["added"] == 1
    assert counting(engine) == 1.0
    first, again = (send(client, make_observation(status="entered-in-error", **changes)) for _ in range(2))
    assert (first["status"], first["added"], again["added"]) == (200, 1, 0)
    assert math.isnan(counting(engine))
    assert len(stored(engine)) == 2, "both statements are kept"


def test_a_report_in_error_takes_back_all_that_it_contained(client: httpx.Client, engine: Engine, film: str) -> None:
    inside = make_observation(basedOn=None, performer=None, issued=None)
    assert send(client, make_report(inside))["added"] == 1
    assert send(client, make_report(inside, status="entered-in-error"))["added"] == 1
    assert math.isnan(counting(engine))


def test_a_year_as_the_date_and_a_value_in_words_leave_what_else_is_said(client: httpx.Client, engine: Engine, film: str) -> None:
    interpreted = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": "NEG"}]}
    said = make_observation(effectiveDateTime="2026", valueCodeableConcept={"text": "nichts zu sehen"}, interpretation=[interpreted])
    reply = send(client, said)
    assert (reply["status"], reply["added"]) == (200, 1), reply
    assert stored(engine) == [("opacity", 0.0, "read", True)]
