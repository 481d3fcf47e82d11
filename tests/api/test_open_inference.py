"""NVIDIA's client works unchanged, and what it asks for is recorded like any film."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray
from sqlalchemy import Engine, text
from tritonclient.utils import InferenceServerException

from service.gateway.codec import decompress
from service.gateway.decode import decode
from service.gateway.limits import Limits
from service.gateway.preprocess import preprocess
from service.models.manifest import Accepts, Preprocessing
from tests.api.package import COLUMNS, ROWS
from tests.api.serving import DICOM
from tests.api.test_metrics import balanced
from tests.films import make_film

INFER = "/v2/models/chest/infer"
HEAD = "Inference-Header-Content-Length"
Tensor = NDArray[np.float32]


def tensor(rows: int = 1, seed: int = 0) -> Tensor:
    return np.random.default_rng(seed).normal(size=(rows, 1, ROWS, COLUMNS)).astype(np.float32)


def asked(values: NDArray[Any], *, binary: bool = True, datatype: str = "FP32") -> list[triton.InferInput]:
    wanted = triton.InferInput("input", list(values.shape), datatype)
    wanted.set_data_from_numpy(values, binary_data=binary)
    return [wanted]


def in_json(values: NDArray[Any], **changes: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "input", "shape": list(values.shape), "datatype": "FP32", "data": values.ravel().tolist(), **changes}]}


def in_binary(values: NDArray[Any], request: dict[str, Any] | None = None, **changes: Any) -> tuple[bytes, dict[str, str]]:
    data = values.tobytes()
    sent = {"name": "input", "shape": list(values.shape), "datatype": "FP32", "parameters": {"binary_data_size": len(data)}, **changes}
    head = json.dumps({**(request or {}), "inputs": [sent]}).encode()
    return head + data, {HEAD: str(len(head))}


def rows(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text("select * from predictions order by id")))


def booked(client: httpx.Client) -> dict[str, float]:
    return {name: count for name, count in balanced(client).items() if count}


@pytest.fixture
def nvidia(client: httpx.Client) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{client.base_url.port}", concurrency=16) as found:
        yield found


def test_health_and_metadata_are_what_the_client_expects(nvidia: triton.InferenceServerClient) -> None:
    assert nvidia.is_server_live()
    assert nvidia.is_server_ready()
    assert nvidia.is_model_ready("chest")
    assert nvidia.is_model_ready("chest", "1")
    assert not nvidia.is_model_ready("chest", "2")
    assert not nvidia.is_model_ready("unheard-of")
    assert nvidia.get_server_metadata() == {"name": "stepwedge", "version": "1", "extensions": ["binary_tensor_data"]}
    metadata = nvidia.get_model_metadata("chest")
    assert metadata == nvidia.get_model_metadata("chest", "1")
    assert metadata["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 1, ROWS, COLUMNS]}]
    assert {output["name"]: output["shape"] for output in metadata["outputs"]} == {
        "logits": [-1, 2],
        "probabilities": [-1, 2],
        "prediction": [-1],
        "embedding": [-1, 32],
    }
    assert metadata["parameters"]["findings"] == "opacity,effusion"


@pytest.mark.parametrize("binary", [True, False])
def test_tensors_are_answered_in_json_and_in_binary(nvidia: triton.InferenceServerClient, engine: Engine, *, binary: bool) -> None:
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("embedding", "prediction", "logits", "probabilities")]
    result = nvidia.infer("chest", asked(tensor(3), binary=binary), request_id="seven", outputs=wanted)
    reply = result.get_response()
    assert (reply["id"], reply["model_name"], reply["model_version"]) == ("seven", "chest", "1")
    assert [output["name"] for output in reply["outputs"]] == ["embedding", "prediction", "logits", "probabilities"]
    stored = {str(row.id): row for row in rows(engine)}
    assert len(stored) == 3
    for number, name in enumerate(result.as_numpy("prediction")):
        row = stored[name.decode() if isinstance(name, bytes) else str(name)]
        np.testing.assert_allclose(result.as_numpy("logits")[number], row.logits, rtol=1e-6)
        np.testing.assert_allclose(result.as_numpy("probabilities")[number], 1 / (1 + np.exp(-np.array(row.logits))), rtol=1e-5)
        np.testing.assert_array_equal(result.as_numpy("embedding")[number], np.frombuffer(row.embedding, "<f2").astype(np.float32))


def test_without_a_word_the_client_gets_all_outputs_but_the_embedding(nvidia: triton.InferenceServerClient) -> None:
    reply = nvidia.infer("chest", asked(tensor()), model_version="1").get_response()
    assert [output["name"] for output in reply["outputs"]] == ["logits", "probabilities", "prediction"]
    assert "id" not in reply


def test_a_row_is_recorded_without_anything_that_a_film_would_say(nvidia: triton.InferenceServerClient, engine: Engine) -> None:
    nvidia.infer("chest", asked(tensor()), headers={"Stepwedge-Site": "north"})
    (row,) = rows(engine)
    assert (row.attributes, row.statistics, row.site, row.input_bytes) == ({}, {}, "north", 4 * ROWS * COLUMNS)
    assert {row.patient, row.accession, row.study, row.series, row.instance} == {None}


def test_the_same_tensor_is_one_prediction_whatever_its_id_and_encoding(nvidia: triton.InferenceServerClient, engine: Engine) -> None:
    values = tensor(2).astype(np.float16)
    twice = np.concatenate([values, values[:1]])
    first = nvidia.infer("chest", asked(values, datatype="FP16"), request_id="1").as_numpy("prediction")
    again = nvidia.infer("chest", asked(twice.astype(np.float32), binary=False), request_id="2").as_numpy("prediction")
    assert again.tolist() == [*first.tolist(), first.tolist()[0]]
    other = nvidia.infer("chest", asked(tensor(2, seed=7)), request_id="1")
    assert not {*other.as_numpy("prediction").tolist()} & {*first.tolist()}
    assert len(rows(engine)) == 4


def test_an_idempotency_key_names_the_rows_by_their_order(nvidia: triton.InferenceServerClient) -> None:
    headers = {"Idempotency-Key": "order-7"}
    first = nvidia.infer("chest", asked(tensor(2)), headers=headers).as_numpy("prediction")
    assert nvidia.infer("chest", asked(tensor(2)), headers=headers).as_numpy("prediction").tolist() == first.tolist()
    with pytest.raises(InferenceServerException, match="came before with other content") as error:
        nvidia.infer("chest", asked(tensor(2, seed=7)), headers=headers)
    assert error.value.status() == "409"


def test_many_at_once_each_get_their_own_answer(nvidia: triton.InferenceServerClient, client: httpx.Client, engine: Engine) -> None:
    films = [tensor(seed=seed) for seed in range(24)]
    waiting = [nvidia.async_infer("chest", asked(film), request_id=str(number)) for number, film in enumerate(films)]
    for number, film in enumerate(films):
        result = waiting[number].get_result()
        alone = nvidia.infer("chest", asked(film))
        assert result.get_response()["id"] == str(number)
        np.testing.assert_allclose(result.as_numpy("logits"), alone.as_numpy("logits"), rtol=1e-6)
    assert len(rows(engine)) == 24
    assert booked(client) == {"received": 48, "recorded": 24, "replayed": 24}


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_requests_are_understood(nvidia: triton.InferenceServerClient, algorithm: str) -> None:
    plain = nvidia.infer("chest", asked(tensor()))
    squeezed = nvidia.infer("chest", asked(tensor()), request_compression_algorithm=algorithm)
    np.testing.assert_array_equal(plain.as_numpy("logits"), squeezed.as_numpy("logits"))


def test_a_bomb_is_counted_and_not_inflated(shared: httpx.Client) -> None:
    bomb = gzip.compress(bytes(64 * 2**20))
    for body, headers in ((bomb, {"Content-Encoding": "gzip"}), (zlib.compress(bytes(64 * 2**20)), {"Content-Encoding": "deflate"})):
        reply = shared.post(INFER, content=body, headers=headers)
        assert (reply.status_code, reply.json()["type"]) == (413, "/problems/too-large")
    for body in (b"not compressed", gzip.compress(b"cut")[:-4], gzip.compress(b"more") + b"more"):
        assert shared.post(INFER, content=body, headers={"Content-Encoding": "gzip"}).status_code == 400
    assert shared.post(INFER, content=b"", headers={"Content-Encoding": "br"}).status_code == 415


def test_errors_are_problems_with_the_word_that_the_protocol_wants(client: httpx.Client, nvidia: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="No version of this model") as error:
        nvidia.infer("unheard-of", asked(tensor()))
    assert error.value.status() == "404"
    with pytest.raises(InferenceServerException, match=r"input is \[n, 1, 64, 64\]"):
        nvidia.infer("chest", asked(tensor()[:, :, 1:]))
    reply = client.post(INFER, content=b"{}")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["error"] == reply.json()["detail"]
    assert "error" not in client.get("/v1/models/unheard-of").json()
    assert client.get("/v2/nowhere").json()["error"]
    assert balanced(client)["refused"] == 3


def wrong_requests() -> list[tuple[bytes, dict[str, str]]]:
    good = tensor()
    huge = np.full_like(good, 3e38)
    objects = [
        {},
        [],
        {"inputs": []},
        {"inputs": [*in_json(good)["inputs"] * 2]},
        in_json(good, name="pixels"),
        in_json(good, datatype="UINT8"),
        in_json(good, shape=[1, ROWS, COLUMNS]),
        in_json(good, shape=[0, 1, ROWS, COLUMNS]),
        in_json(good, shape=[2**30, 1, ROWS, COLUMNS]),
        in_json(good, shape=["1", 1, ROWS, COLUMNS]),
        in_json(good, data=None),
        in_json(good, data=good.ravel().tolist()[1:]),
        in_json(good, data=[*good.ravel().tolist()[1:], "7"]),
        in_json(good, data=[*good.ravel().tolist()[1:], None]),
        in_json(good, data=[*good.ravel().tolist()[1:], 10**400]),
        in_json(good, data=[*good.ravel().tolist()[1:], 1e300]),
        in_json(good, data=[[1.0], *good.ravel().tolist()[1:]]),
        in_json(good, data=[[good.ravel().tolist()]]),
        in_json(good, parameters={"shared_memory_region": "mine"}),
        {**in_json(good), "id": 7},
        {**in_json(good), "outputs": [{"name": "heatmap"}]},
        {**in_json(good), "outputs": [{"name": "logits"}, {"name": "logits"}]},
        {**in_json(good), "outputs": [{"name": "logits", "parameters": {"classification": 2}}]},
    ]
    whole, length = in_binary(good)
    return [
        *((json.dumps(each).encode(), {}) for each in objects),
        (b"", {}),
        (b"\xff\xfe", {}),
        (b"[" * 100_000, {}),
        (json.dumps(in_json(good, data=[float("nan")] * good.size)).encode(), {}),
        (whole, {}),
        (whole[:-1], length),
        (whole + b"\0", length),
        (whole, {HEAD: "-1"}),
        (whole, {HEAD: "9" * 30}),
        (whole, {HEAD: str(len(whole) + 1)}),
        in_binary(good, parameters={"binary_data_size": 3}),
        in_binary(good, parameters={"binary_data_size": -1}),
        in_binary(good, shape=[17, 1, ROWS, COLUMNS]),
        in_binary(good, datatype="FP16"),
        in_binary(good, data=[1.0]),
        in_binary(huge),
        in_binary(np.where(good > 2, np.nan, good)),
    ]


def test_what_is_not_the_model_s_input_is_refused_before_it_is_allocated(client: httpx.Client, engine: Engine) -> None:
    wrong = wrong_requests()
    for body, headers in wrong:
        reply = client.post(INFER, content=body, headers=headers)
        assert (reply.status_code, reply.json()["type"]) == (400, "/problems/invalid-request"), (body[:300], reply.text)
    assert rows(engine) == []
    assert balanced(client)["refused"] == len(wrong)


def test_no_problem_repeats_what_was_sent(shared: httpx.Client) -> None:
    for request in (
        {"inputs": [{"secret": 1}]},
        {"inputs": "secret"},
        in_json(tensor(), name="secret"),
        in_json(tensor(), datatype="secret"),
    ):
        assert "secret" not in shared.post(INFER, json=request).text


def test_a_large_tensor_in_json_is_sent_to_the_binary_way(shared: httpx.Client) -> None:
    reply = shared.post(INFER, content=b" " * (4 * 2**20 + 1))
    assert (reply.status_code, reply.json()["detail"]) == (413, "The JSON part is too large; send the tensor in binary.")


def test_another_version_is_not_answered_by_this_one(shared: httpx.Client) -> None:
    body, headers = in_binary(tensor())
    assert shared.post("/v2/models/chest/versions/2/infer", content=body, headers=headers).status_code == 404
    assert shared.post("/v2/models/chest/versions/1/infer", content=body, headers=headers).status_code == 200


def test_a_film_and_its_own_tensor_get_the_same_scores(client: httpx.Client) -> None:
    film = make_film()
    ready = preprocess(decode(film, Limits(), decompress, Accepts()), Preprocessing(rows=ROWS, columns=COLUMNS))[None]
    body, headers = in_binary(ready)
    scores = client.post(INFER, content=body, headers=headers).json()["outputs"][0]["data"]
    answer = client.post("/v1/models/chest/predictions", content=film, headers=DICOM).json()
    assert scores == pytest.approx([finding["logit"] for finding in answer["findings"]], rel=1e-5)


def test_one_request_s_rows_are_each_in_the_books_even_when_one_fails(client: httpx.Client) -> None:
    values = tensor(3)
    values[1, 0, 0, 0] = np.nan
    body, headers = in_binary(values)
    assert client.post(INFER, content=body, headers=headers).status_code == 400
    assert booked(client) == {"received": 3, "recorded": 2, "refused": 1}


def test_those_who_come_together_are_answered_together(client: httpx.Client) -> None:
    bodies = [in_binary(tensor(seed=seed)) for seed in range(40)]
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda sent: client.post(INFER, content=sent[0], headers=sent[1]), bodies))
    assert {reply.status_code for reply in replies} == {200}
