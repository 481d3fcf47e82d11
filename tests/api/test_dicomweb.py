"""STOW-RS: everything that a PACS forwards is stored and answered at once, in the words of the standard; predictions follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from pydicom.uid import BasicTextSRStorage, generate_uid
from sqlalchemy import Engine, text

from service.config import Settings
from service.gateway.ledger import NOBODY
from tests.api.serving import make_settings, register, serving, until, until_loaded
from tests.api.test_later import files, followed, series
from tests.callers import AUTHORIZED
from tests.films import NAMES, make_film, phantom

STOW = "/dicom-web/studies"
BOUNDARY = "0123-boundary"
RELATED = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
PIXELS = (
    "PixelData",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "SamplesPerPixel",
    "PhotometricInterpretation",
)


def related(*films: bytes) -> bytes:
    parts = b"".join(b"--" + BOUNDARY.encode() + b"\r\nContent-Type: application/dicom\r\n\r\n" + film + b"\r\n" for film in films)
    return parts + b"--" + BOUNDARY.encode() + b"--"


def stow(client: httpx.Client, *films: bytes, path: str = STOW, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(path, content=related(*films), headers={"Content-Type": RELATED, **named})


def report(**attributes: Any) -> bytes:
    without: dict[str, Any] = dict.fromkeys(PIXELS)
    return make_film(**{"SOPClassUID": BasicTextSRStorage, "Modality": "SR", **without, **attributes})


def items(reply: httpx.Response, tag: str) -> list[dict[str, Any]]:
    return [{name: element["Value"][0] for name, element in item.items()} for item in reply.json().get(tag, {}).get("Value", [])]


def uids(reply: httpx.Response, tag: str = "00081199") -> list[str]:
    return [item["00081155"] for item in items(reply, tag)]


def rows(engine: Engine, of: str = "select count(*) from predictions") -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(of)).scalar_one())


def link(reply: httpx.Response) -> str:
    found = re.fullmatch(r'<(/v1/requests\?batch=[0-9a-f-]+)>; rel="status"', reply.headers["link"])
    assert found
    return found[1]


def test_a_study_is_stored_whatever_is_in_it_and_what_a_model_takes_is_answered(client: httpx.Client, engine: Engine) -> None:
    names = [generate_uid() for _ in range(4)]
    instances = [make_film(phantom(seed=1), SOPInstanceUID=names[0]), make_film(SOPInstanceUID=names[1], Modality="MR")]
    instances += [report(SOPInstanceUID=names[2]), make_film(phantom(seed=2), SOPInstanceUID=names[3])]
    reply = stow(client, *instances, Stepwedge_Site="north")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/dicom+json")
    assert uids(reply) == names
    assert set(reply.json()) == {"00081190", "00081199"}
    requests = client.get(link(reply)).json()["requests"]
    assert [(one["part"], one["model"], one["site"]) for one in requests] == [(1, "chest", "north"), (4, "chest", "north")]
    assert {followed(client, one["links"]["self"])["state"] for one in requests} == {"done"}
    assert rows(engine) == 2
    until(lambda: series(client, "stepwedge_requests_in_progress") == 0)
    assert f'stepwedge_requests_refused_total{{model="{NOBODY}",reason="out-of-scope"}} 2.0' in client.get("/metrics").text
    until(lambda: rows(engine, "select count(*) from refusals where reason = 'out-of-scope'") == 2)


def test_what_fails_is_named_with_its_reason_and_does_not_keep_the_others_out(client: httpx.Client, engine: Engine) -> None:
    study, names = generate_uid(), [generate_uid() for _ in range(2)]
    good = make_film(StudyInstanceUID=study, SOPInstanceUID=names[0])
    stray = make_film(SOPInstanceUID=names[1])
    reply = stow(client, good, stray, b"garbage", path=f"{STOW}/{study}")
    assert (reply.status_code, uids(reply), uids(reply, "00081198")) == (202, names[:1], names[1:])
    assert [item["00081197"] for item in items(reply, "00081198")] == [0xA900]
    assert items(reply, "0008119A") == [{"00081197": 0xC000}]
    none = stow(client, stray, path=f"{STOW}/{study}")
    assert (none.status_code, none.headers["content-type"], "link" in none.headers) == (409, "application/dicom+json", False)
    until(lambda: rows(engine) == 1)


def test_the_answer_comes_in_xml_where_that_is_preferred(client: httpx.Client) -> None:
    name = generate_uid()
    reply = stow(client, make_film(SOPInstanceUID=name), b"garbage", Accept="application/dicom+xml, application/dicom+json;q=0.5")
    assert (reply.status_code, reply.headers["content-type"]) == (202, "application/dicom+xml")
    space = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
    found = {node.get("keyword"): node for node in ET.fromstring(reply.content).iter(f"{space}DicomAttribute")}
    assert [value.text for value in found["ReferencedSOPInstanceUID"].iter(f"{space}Value")] == [name]
    assert [value.text for value in found["FailureReason"].iter(f"{space}Value")] == [str(0xC000)]


def test_a_single_instance_may_come_as_the_body(client: httpx.Client) -> None:
    name = generate_uid()
    reply = client.post(STOW, content=make_film(SOPInstanceUID=name), headers={"Content-Type": "application/dicom"})
    assert (reply.status_code, uids(reply)) == (200, [name])


def test_a_body_in_chunks_with_a_quoted_boundary_is_read(client: httpx.Client) -> None:
    name = generate_uid()
    body = b"preamble\r\n" + related(make_film(SOPInstanceUID=name)) + b"\r\nepilogue"

    def chunks() -> Iterable[bytes]:
        return (body[start : start + 777] for start in range(0, len(body), 777))

    kind = f'Multipart/Related; boundary="{BOUNDARY}"; type=application/dicom'
    reply = client.post(STOW, content=chunks(), headers={"Content-Type": kind})
    assert (reply.status_code, uids(reply)) == (200, [name])


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (related(), {}, 400),
        (related(b"film")[:-9], {}, 400),
        (b"", {}, 400),
        (related(b"film"), {"Content-Type": "multipart/related; type=application/dicom"}, 400),
        (related(b"film"), {"Content-Type": 'multipart/related; type="application/dicom+json"; boundary=b'}, 415),
        (related(b"film"), {"Content-Type": "multipart/form-data; boundary=b"}, 415),
        (related(b"film"), {"Content-Encoding": "gzip"}, 415),
        (related(b"film"), {"Accept": "text/html"}, 406),
        (related(b"film"), {"Stepwedge-Model": "nothing"}, 404),
        (related(b"film"), {"Stepwedge-Model": ","}, 400),
        (related(b"film"), {"Stepwedge-Site": "No Site"}, 400),
        (related(b"film"), {"Stepwedge-Priority": "soon"}, 400),
    ],
)
def test_a_request_that_is_not_what_it_should_be_is_refused_as_a_whole(
    shared: httpx.Client, body: bytes, headers: dict[str, str], status: int
) -> None:
    before = series(shared, "stepwedge_requests_received_total")
    reply = shared.post(STOW, content=body, headers={"Content-Type": RELATED, **headers})
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/problem+json")
    assert series(shared, "stepwedge_requests_received_total") == before + 1
    assert series(shared, "stepwedge_requests_in_progress") == 0


def test_an_address_with_no_uid_is_refused(shared: httpx.Client) -> None:
    assert stow(shared, make_film(), path=f"{STOW}/not-a-uid").status_code == 400


def test_names_of_models_narrow_who_is_asked(client: httpx.Client, engine: Engine, settings: Settings, tmp_path: Path) -> None:
    register(engine, settings, tmp_path / "other", name="other", seed=3)
    until_loaded(client, "other")
    film = make_film()
    both = client.get(link(stow(client, film))).json()["requests"]
    assert {(one["part"], one["model"]) for one in both} == {(1, "chest"), (1, "other")}
    for reply in (stow(client, film, Stepwedge_Model="other"), stow(client, film, path=f"{STOW}?model=other")):
        assert [one["model"] for one in client.get(link(reply)).json()["requests"]] == ["other"]
    until(lambda: rows(engine) == 2 and series(client, "stepwedge_requests_in_progress") == 0)
    until(lambda: files(settings) == [])


def test_an_order_that_is_urgent_makes_its_film_urgent(client: httpx.Client) -> None:
    def priority(reply: httpx.Response) -> list[str]:
        return [one["priority"] for one in client.get(link(reply)).json()["requests"]]

    assert priority(stow(client, make_film(RequestedProcedurePriority="STAT"))) == ["stat"]
    assert priority(stow(client, make_film(RequestedProcedurePriority="STAT"), Stepwedge_Priority="routine")) == ["routine"]
    assert priority(stow(client, make_film())) == ["routine"]


def test_no_name_leaves_the_answer_to_its_sender(client: httpx.Client, engine: Engine, settings: Settings, capfd: Any) -> None:
    names = [generate_uid() for _ in range(3)]
    film = make_film(SOPInstanceUID=names[0], StudyInstanceUID=names[1], SeriesInstanceUID=names[2])
    reply = stow(client, film, path=f"{STOW}/{names[1]}")
    requests = client.get(link(reply)).json()["requests"]
    followed(client, requests[0]["links"]["self"])
    with engine.connect() as connection:
        kept = str(connection.execute(text("select * from requests")).all()) + str(connection.execute(text("select * from outbox")).all())
    seen = client.get("/metrics").text + str(requests) + str(reply.headers) + kept + "".join(capfd.readouterr())
    assert [name for name in (*names, *NAMES) if name in seen] == []


def sent(settings: Settings, films: Sequence[bytes]) -> httpx.Response:
    with httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", headers=AUTHORIZED, timeout=60, trust_env=False) as client:
        return stow(client, *films)


def test_more_than_the_inbox_holds_is_named_and_a_full_one_says_when_to_come_again(
    postgres_url: str, engine: Engine, tmp_path: Path
) -> None:
    settings = make_settings(postgres_url, tmp_path, inbox_bytes=2**20, max_body_bytes=2**20)
    register(engine, settings, tmp_path / "package")
    film, large = make_film(), make_film() + bytes(2**20)
    with serving(settings) as client:
        until_loaded(client)
        assert stow(client, film, large).status_code == 202
        until(lambda: files(settings) == [])
        full = stow(client, make_film() + bytes(2**20 - 40_000))
        assert (full.status_code, full.json()["type"], full.headers["retry-after"]) == (503, "/problems/inbox-full", "30")
        assert files(settings) == []
        assert stow(client, film).status_code == 200


def test_without_a_model_nothing_is_taken_in(settings: Settings) -> None:
    with serving(settings) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        reply = stow(client, make_film())
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "2")
