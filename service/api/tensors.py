"""Tensors on the wire: requests and replies of the Open Inference Protocol v2, in JSON or with binary tensors behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from service.domain import Prediction
from service.errors import InvalidRequestError, TooLargeError
from service.gateway.tensor import FLOATS, Geometry

INPUT = "input"
DATATYPES: Final[Mapping[str, np.dtype[Any]]] = {"FP32": FLOATS, "FP16": np.dtype("<f2")}
JSON_BYTES = 4 * 2**20
"""Largest JSON part: as text a number takes several times its bytes, so large tensors come in binary."""
NUMBERS = frozenset("iuf")
SHORT, HEADS = 1024, 64
"""JSON parts of at most so many bytes are remembered, and how many of them."""

Strict = ConfigDict(frozen=True, strict=True)
Reader = Callable[[Prediction], NDArray[np.float32]]


class InputParameters(BaseModel):
    """How the data of an input come."""

    model_config = Strict

    binary_data_size: Annotated[int, Field(ge=0, description="Bytes of this tensor behind the JSON.")] | None = None
    shared_memory_region: Annotated[Any, Field(description="Not supported.")] = None


class InputTensor(BaseModel):
    """The model's input, preprocessed: float values [n, 1, rows, columns], row after row."""

    model_config = Strict

    name: Annotated[str, Field(examples=[INPUT])]
    shape: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(max_length=8, examples=[[1, 1, 64, 64]])]
    datatype: Annotated[str, Field(examples=["FP32"])]
    parameters: InputParameters = InputParameters()
    data: Annotated[list[Any] | None, Field(description="The values, flat or nested; absent where they come in binary.")] = None


class OutputParameters(BaseModel):
    """How an output is wanted."""

    model_config = Strict

    binary_data: bool | None = None
    classification: Annotated[Any, Field(description="Not supported.")] = None
    shared_memory_region: Annotated[Any, Field(description="Not supported.")] = None


class RequestedOutput(BaseModel):
    """An output that is wanted: logits, probabilities, prediction, or embedding where the model has one."""

    model_config = Strict

    name: Annotated[str, Field(examples=["probabilities"])]
    parameters: OutputParameters = OutputParameters()


class RequestParameters(BaseModel):
    """Parameters of the whole request; others are not looked at."""

    model_config = Strict

    binary_data_output: Annotated[bool, Field(description="Outputs come in binary unless they say otherwise.")] = False


class InferRequest(BaseModel):
    """The JSON part of a request. `id` is echoed and names nothing here: clients repeat it."""

    model_config = Strict

    id: Annotated[str, Field(max_length=255)] = ""
    parameters: RequestParameters = RequestParameters()
    inputs: Annotated[list[InputTensor], Field(min_length=1, max_length=16)]
    outputs: Annotated[list[RequestedOutput], Field(max_length=64)] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output that the reply carries."""

    name: str
    binary: bool


@dataclass(frozen=True, slots=True)
class Head:
    """The JSON part of a request, understood: its one input, and what is wanted."""

    id: str
    tensor: InputTensor
    wanted: Sequence[Wanted]


@dataclass(frozen=True, slots=True)
class Query:
    """A request, understood: its rows, each the float32 bytes of one input [1, rows, columns], and what is wanted of them."""

    id: str
    rows: Sequence[bytes]
    wanted: Sequence[Wanted]


def query_of(body: bytes, head_bytes: int | None, geometry: Geometry, most: int) -> Query:
    """A request to infer; nothing is allocated for what it only declares.

    Args:
        body: JSON, then the binary tensors.
        head_bytes: Length of the JSON, as Inference-Header-Content-Length says it; None where all is JSON.
        geometry: The model's input and outputs.
        most: Largest number of rows.

    Raises:
        InvalidRequestError: It is not what the protocol, or this model's metadata, asks for; the message says where.
        TooLargeError: The JSON part is too large.
    """
    if head_bytes is not None and head_bytes > len(body):
        raise InvalidRequestError("Inference-Header-Content-Length is larger than the body.")
    text, tail = (body, b"") if head_bytes is None else (body[:head_bytes], body[head_bytes:])
    if len(text) > JSON_BYTES:
        raise TooLargeError("The JSON part is too large; send the tensor in binary.")
    head = (understood if len(text) > SHORT else remembered)(text, geometry, most)
    return Query(head.id, rows_of(head.tensor, tail, geometry), head.wanted)


def understood(text: bytes, geometry: Geometry, most: int) -> Head:
    """The JSON part, for a model's input and outputs and at most so many rows."""
    try:
        request = InferRequest.model_validate_json(text)
    except ValidationError as error:
        place = ".".join(str(step) for step in error.errors(include_url=False, include_input=False, include_context=False)[0]["loc"])
        raise InvalidRequestError(f"{place or 'The JSON part'} is not what the protocol asks for.") from None
    wanted = wanted_of(request, geometry)
    return Head(request.id, input_of(request.inputs, geometry, most), wanted)


remembered = lru_cache(HEADS)(understood)
"""With a binary tensor behind it, a client's JSON is the same each time."""


def wanted_of(request: InferRequest, geometry: Geometry) -> Sequence[Wanted]:
    """The outputs that are asked for; without a word all but the embedding, which is large and for research."""
    if not request.outputs:
        return [Wanted(name, request.parameters.binary_data_output) for name in geometry.outputs if name != "embedding"]
    for output in request.outputs:
        if output.name not in geometry.outputs:
            raise InvalidRequestError("outputs: the model has no output of this name; its metadata lists them.")
        if output.parameters.classification is not None or output.parameters.shared_memory_region is not None:
            raise InvalidRequestError("outputs: classification and shared memory are not supported.")
    if len({output.name for output in request.outputs}) != len(request.outputs):
        raise InvalidRequestError("outputs: one is asked for twice.")
    default = request.parameters.binary_data_output
    return [
        Wanted(output.name, default if output.parameters.binary_data is None else output.parameters.binary_data)
        for output in request.outputs
    ]


def input_of(inputs: Sequence[InputTensor], geometry: Geometry, most: int) -> InputTensor:
    """The one input, if it is what the model takes."""
    tensor = inputs[0]
    if len(inputs) != 1 or tensor.name != INPUT:
        raise InvalidRequestError(f'inputs: the model has one input, named "{INPUT}".')
    if tensor.datatype not in DATATYPES:
        raise InvalidRequestError("inputs.0.datatype: FP32 or FP16, of the preprocessed input; films themselves go to the DICOM endpoint.")
    shape = (1, geometry.rows, geometry.columns)
    if tuple(tensor.shape[1:]) != shape:
        raise InvalidRequestError(f"inputs.0.shape: the model's input is [n, 1, {geometry.rows}, {geometry.columns}].")
    if not 1 <= tensor.shape[0] <= most:
        raise InvalidRequestError(f"inputs.0.shape: 1 to {most} rows in one request.")
    if tensor.parameters.shared_memory_region is not None:
        raise InvalidRequestError("inputs.0.parameters: shared memory is not supported.")
    return tensor


def rows_of(tensor: InputTensor, tail: bytes, geometry: Geometry) -> Sequence[bytes]:
    """The rows of the input, in float32."""
    values = written(tensor, tail).tobytes() if tensor.parameters.binary_data_size is None else packed(tensor, tail)
    size = geometry.row_bytes
    return [values] if len(values) == size else [values[start : start + size] for start in range(0, len(values), size)]


def packed(tensor: InputTensor, tail: bytes) -> bytes:
    """The values of a binary tensor."""
    kind = DATATYPES[tensor.datatype]
    size = prod(tensor.shape) * kind.itemsize
    if tensor.data is not None or tensor.parameters.binary_data_size != size or len(tail) != size:
        raise InvalidRequestError(f"inputs.0: {size} bytes of data belong to this shape and datatype, behind the JSON and nowhere else.")
    return tail if kind == FLOATS else np.frombuffer(tail, kind).astype(FLOATS).tobytes()


def written(tensor: InputTensor, tail: bytes) -> NDArray[np.float32]:
    """The values of a tensor in JSON, flat or nested like its shape."""
    try:
        values = np.asarray(tensor.data)
    except ValueError:  # ragged
        values = np.empty(0, object)
    flat = (prod(tensor.shape),)
    if values.dtype.kind not in NUMBERS or values.shape not in {flat, tuple(tensor.shape)} or len(tail):
        raise InvalidRequestError("inputs.0.data: as many numbers as the shape says, flat or nested like it, and nothing behind the JSON.")
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and refused as that
        return values.astype(FLOATS)


@dataclass(frozen=True, slots=True)
class Column:
    """An output of some rows, ready to be written: texts or numbers, or their bytes where it is wanted in binary."""

    datatype: str
    shape: Sequence[int]
    values: Sequence[Any] | bytes


def column_of(wanted: Wanted, predictions: Sequence[Prediction]) -> Column:
    """One output of all rows."""
    if wanted.name == "prediction":
        texts = [str(prediction.id) for prediction in predictions]
        packed = b"".join(len(text).to_bytes(4, "little") + text.encode() for text in texts) if wanted.binary else None
        return Column("BYTES", [len(texts)], texts if packed is None else packed)
    rows = [READERS[wanted.name](prediction) for prediction in predictions]
    matrix = rows[0][None] if len(rows) == 1 else np.array(rows, FLOATS)
    return Column("FP32", matrix.shape, matrix.tobytes() if wanted.binary else matrix.ravel().tolist())


def logits_of(prediction: Prediction) -> NDArray[np.float32]:
    return prediction.scores.logits


def probabilities_of(prediction: Prediction) -> NDArray[np.float32]:
    """1 / (1 + exp(-logit)), which overflows for no logit."""
    doubles = np.exp(-np.logaddexp(0.0, -prediction.scores.logits.astype(np.float64)))
    return np.asarray(doubles, np.float32)


def embedding_of(prediction: Prediction) -> NDArray[np.float32]:
    return prediction.scores.embedding.astype(np.float32)


READERS: Final[Mapping[str, Reader]] = {"logits": logits_of, "probabilities": probabilities_of, "embedding": embedding_of}


@dataclass(frozen=True, slots=True)
class Written:
    """A reply as bytes. head_bytes: length of its JSON where binary tensors follow."""

    content: bytes
    head_bytes: int | None


def written_reply(query: Query, model: str, version: str, predictions: Sequence[Prediction]) -> Written:
    """The reply to a query: each output in the order in which it was asked for."""
    outputs, tail = [], []
    for wanted in query.wanted:
        column = column_of(wanted, predictions)
        output: dict[str, Any] = {"name": wanted.name, "datatype": column.datatype, "shape": list(column.shape)}
        if isinstance(column.values, bytes):
            output["parameters"] = {"binary_data_size": len(column.values)}
            tail.append(column.values)
        else:
            output["data"] = column.values
        outputs.append(output)
    said = {"id": query.id} if query.id else {}
    head = to_json({"model_name": model, "model_version": version, **said, "outputs": outputs})
    return Written(head + b"".join(tail), len(head) if tail else None)
