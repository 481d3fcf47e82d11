"""How the OpenAPI document describes bodies and problems."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from service.api.problems import MEDIA_TYPE, Problem
from service.api.tensors import InferRequest

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """Stepwedge answers the PACS, keeps an honest record of every answer, and says in time when a radiology model no longer does
what it did when it was accepted. Every error is an RFC 9457 problem; 429 and 503 carry Retry-After; a retry is always safe."""


def problems(*statuses: int) -> Responses:
    """The problems that an endpoint may answer with."""
    return {status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": PROBLEM}}} for status in statuses}


PROBLEM = {"$ref": "#/components/schemas/Problem"}
INSTANCE = {"schema": {"type": "string", "format": "binary"}}
FILMS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One DICOM instance, or a form with one instance in each part.",
        "content": {
            "application/dicom": INSTANCE,
            "application/octet-stream": INSTANCE,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "array", "items": INSTANCE["schema"], "minItems": 1, "maxItems": 64}},
                    "required": ["file"],
                }
            },
        },
    }
}


def document(app: FastAPI) -> Mapping[str, Any]:
    """FastAPI's document, with our problems in place of its own validation errors."""
    content = FastAPI.openapi(app)
    schemas = content.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for described in (Problem, InferRequest):
        definitions = described.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= {**definitions.pop("$defs", {}), described.__name__: definitions}
    for path in content["paths"].values():
        for operation in path.values():
            if "security" in operation:
                operation["responses"] |= {str(status): response for status, response in problems(401, 403, 429, 503).items()}
            if "HTTPValidationError" in str(operation["responses"].get("422", "")):
                del operation["responses"]["422"]
    return content
