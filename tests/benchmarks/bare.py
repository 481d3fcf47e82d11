"""The rivals: what one writes on the first day. FastAPI, pydicom and torch, the same model, and nothing is kept of any request."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import pydicom
import torch
import uvicorn
from fastapi import FastAPI, Header, Request
from torch.nn.functional import interpolate

from service.models.loading import load_package

PACKAGE = "BARE_PACKAGE"
Pair = tuple[torch.Tensor, torch.Tensor]
"""What the demo model answers: logits and embedding."""


def create() -> FastAPI:
    """The application; its model package is named by the environment."""
    model = load_package(Path(os.environ[PACKAGE]))
    manifest = model.manifest
    size = (manifest.preprocessing.rows, manifest.preprocessing.columns)
    torch.set_num_threads(1)
    app = FastAPI()

    @app.post("/v1/models/{name}/predictions")
    async def predict(name: str, request: Request) -> dict[str, object]:
        dataset = pydicom.dcmread(BytesIO(await request.body()))
        pixels = dataset.pixel_array.astype(np.float32)
        low, high = np.percentile(pixels, (manifest.preprocessing.low_percentile, manifest.preprocessing.high_percentile))
        window = np.clip((pixels - low) / max(high - low, 1e-6), 0, 1)
        small = interpolate(torch.from_numpy(window)[None, None], size=size, mode="area")
        with torch.inference_mode():
            logits, _ = cast("Pair", model.module((small - manifest.preprocessing.mean) / manifest.preprocessing.std))
        scores = torch.sigmoid(logits)[0].tolist()
        return {"model": name, "findings": dict(zip(manifest.finding_names, scores, strict=True))}

    @app.post("/v2/models/{name}/infer")
    async def infer(name: str, request: Request, inference_header_content_length: Annotated[int, Header()]) -> dict[str, object]:
        body = await request.body()
        film = np.frombuffer(body, np.float32, offset=inference_header_content_length).reshape(1, 1, *size)
        with torch.inference_mode():
            logits, _ = cast("Pair", model.module(torch.from_numpy(film.copy())))
        scores = torch.sigmoid(logits)[0].tolist()
        return {"model": name, "findings": dict(zip(manifest.finding_names, scores, strict=True))}

    return app


if __name__ == "__main__":
    uvicorn.run(create(), host="127.0.0.1", port=int(os.environ["STEPWEDGE_PORT"]), access_log=False, log_level="warning")
