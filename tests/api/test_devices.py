"""The register of devices over HTTP, and flags in the answer."""

from __future__ import annotations

import httpx
import numpy as np

from service.gateway.vocabulary import PATIENTS
from tests.api.serving import DICOM, until
from tests.films import SERIAL, STATION, make_film, phantom

ASK = "/v1/models/chest/predictions"


def send(client: httpx.Client, film: bytes) -> dict[str, object]:
    reply = client.post(ASK, content=film, headers=DICOM)
    assert reply.status_code == 200, reply.text
    answer: dict[str, object] = reply.json()
    return answer


def devices(client: httpx.Client) -> list[dict[str, object]]:
    reply = client.get("/v1/models/chest/devices")
    assert reply.status_code == 200, reply.text
    found: list[dict[str, object]] = reply.json()
    return found


def test_a_new_device_is_shown_within_one_study(client: httpx.Client) -> None:
    send(client, make_film())
    until(lambda: len(devices(client)) == 1)
    (first,) = devices(client)
    assert all(str(first[name]).startswith("OTHER-") for name in ("manufacturer", "device_model", "software"))
    assert STATION not in str(first)
    assert SERIAL not in str(first)
    send(client, make_film(phantom(seed=1), SoftwareVersions=["3.2"]))
    until(lambda: len({device["software"] for device in devices(client)}) == 2)
    assert client.get("/v1/models/chest/devices?limit=1").json()[0]["software"] != first["software"]


def test_a_device_has_its_names_once_enough_patients_share_them(client: httpx.Client) -> None:
    for patient in range(PATIENTS):
        send(client, make_film(phantom(seed=patient), PatientID=f"PID-{patient}"))
    named = ("ACME IMAGING", "RADIANT 5", "3.1/B7", PATIENTS)
    told = ("manufacturer", "device_model", "software", "films")
    until(lambda: [tuple(device[name] for name in told) for device in devices(client)] == [named], 60)


def test_an_unknown_model_has_no_devices(client: httpx.Client) -> None:
    assert client.get("/v1/models/none/devices").status_code == 404


def test_flags_stand_in_the_answer_and_stay_there(client: httpx.Client) -> None:
    assert send(client, make_film())["flags"] == []
    white = send(client, make_film(np.full((64, 64), 4095, np.uint16)))
    assert white["flags"] == ["constant", "saturated", "clipped"]
    assert client.get(f"/v1/predictions/{white['id']}").json()["flags"] == white["flags"]
    copy = send(client, make_film(PatientID="somebody else"))
    assert copy["flags"] == ["near_duplicate"]
    metrics = client.get("/metrics").text
    assert 'stepwedge_flags_total{flag="near_duplicate",model="chest"} 1.0' in metrics
    assert 'stepwedge_flags_total{flag="constant",model="chest"} 1.0' in metrics


def test_a_film_out_of_scope_is_counted_by_attribute(client: httpx.Client) -> None:
    assert client.post(ASK, content=make_film(Modality="MG"), headers=DICOM).status_code == 422
    assert 'stepwedge_out_of_scope_total{attribute="modality",model="chest"} 1.0' in client.get("/metrics").text
