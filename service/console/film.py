"""Film: the picture of one kept instance, as the model saw it, for who may read it."""

from __future__ import annotations

import hashlib
from uuid import UUID

import numpy as np
from fastapi import Request, Response
from numpy.typing import NDArray
from sqlalchemy import Connection
from starlette.exceptions import HTTPException

from service.access import Role
from service.api.state import service_of
from service.console.page import href
from service.console.png import grey, png
from service.console.render import headers_for
from service.console.visitor import Visitor
from service.errors import DamagedObjectError, UnknownPredictionError
from service.store.blobs import fetch_named
from service.store.kept import kept_among, unpacked
from service.store.models import versions_by_id
from service.store.predictions import find_prediction

PATH = "/console/models/{model}/films/{film}.png"


def film_address(model: str, film: UUID) -> str:
    """Where the picture of a film is."""
    return href(PATH, model=model, film=film)


def is_kept(connection: Connection, film: UUID) -> bool:
    """Whether the pixels of a film are there."""
    return film in kept_among(connection, [film])


async def send(request: Request, visitor: Visitor) -> Response:
    """The picture; who looked at which film is a row of the audit log."""
    visitor.need(Role.LABEL)
    service, model, film = await service_of(request), request.path_params["model"], film_of(request.path_params["film"])
    objects = service.settings.object_folder
    pixels = await service.database.run(lambda connection: pixels_of(connection, objects, model, film))
    if pixels is None:
        raise HTTPException(404)
    service.audit.read(visitor.caller, film)
    return Response(png(grey(pixels)), media_type="image/png", headers={**headers_for(request), "Cache-Control": "no-store"})


def film_of(text: str) -> UUID:
    """The id in an address.

    Raises:
        UnknownPredictionError: It is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise UnknownPredictionError from None


def pixels_of(connection: Connection, objects: str, model: str, film: UUID) -> NDArray[np.float32] | None:
    """A film of this model [rows, columns] as the model saw it; None where it was not kept.

    Raises:
        UnknownPredictionError: The model answered no such film.
        DamagedObjectError: The object is not the one that was put there.
    """
    prediction = find_prediction(connection, film)
    if versions_by_id(connection)[prediction.model_version].model != model:
        raise UnknownPredictionError
    kept = kept_among(connection, [prediction.id]).get(prediction.id)
    if kept is None:
        return None
    try:
        content = fetch_named(objects, kept.name)
    except FileNotFoundError:
        return None
    if hashlib.sha256(content).digest() != kept.sha256:
        raise DamagedObjectError
    pixels: NDArray[np.float32] = unpacked(content)[0]
    return pixels
