"""The process of one challenger: `python -m service.shadow.infer_process FOLDER BYTES SECONDS` answers films from stdin on stdout.

FOLDER holds the package and `registered.json`, the manifest that counts. It has no secret, no network it needs and no files to write.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from service.errors import InferenceError, StepwedgeError
from service.gateway.codec import decompress
from service.gateway.decode import decode
from service.gateway.limits import Limits
from service.gateway.preprocess import preprocess
from service.models.loading import LoadedModel, load_model
from service.models.manifest import Manifest, parse_manifest
from service.models.swift import swift
from service.shadow.confine import end_after, end_with, limit_memory, step_back
from service.shadow.pipe import Part, receive, send

LAST_RESORT: Final = 25
"""Of the seconds that it may take."""
REFUSED, FAILED = "refused", "failed"
Film = NDArray[np.float32]


def main() -> None:
    """Serve until stdin ends."""
    folder, memory_bytes, seconds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    step_back()
    end_with(os.getppid())
    limit_memory(memory_bytes)
    torch.set_num_threads(1)
    model = swift(load_model(folder, parse_manifest(json.loads((folder / "registered.json").read_text()))))
    replies.write(b"ready\n")
    replies.flush()
    while (message := receive(requests)) is not None:
        end_after(LAST_RESORT * seconds)
        send(answers(model, message), replies)
        end_after(0)


def answers(model: LoadedModel, message: Sequence[tuple[dict[str, Any], bytes]]) -> list[Part]:
    """One reply a film: logits (float32) and embedding (float16), or why there is none."""
    began = [perf_counter()] * len(message)
    prepared: list[Film | str] = []
    for place, (said, data) in enumerate(message):
        began[place] = perf_counter()
        prepared.append(film_of(model.manifest, said["kind"], data))
        began[place] = perf_counter() - began[place]
    places = [place for place, film in enumerate(prepared) if not isinstance(film, str)]
    found: list[Part] = [({"reason": film if isinstance(film, str) else FAILED}, b"") for film in prepared]
    started = perf_counter()
    scores = infer(model, [film for film in prepared if not isinstance(film, str)])
    each = (perf_counter() - started) / max(len(places), 1)
    for place, answer in zip(places, scores, strict=True):
        if answer is not None:
            found[place] = ({"findings": len(model.manifest.findings), "ms": 1000 * (began[place] + each)}, answer)
    return found


def film_of(manifest: Manifest, kind: str, data: bytes) -> Film | str:
    """The model's input, or why there is none."""
    preprocessing = manifest.preprocessing
    try:
        if kind == "tensor":
            return np.frombuffer(data, "<f4").reshape(1, preprocessing.rows, preprocessing.columns)
        return preprocess(decode(data, Limits(), decompress, manifest.accepts), preprocessing)
    except StepwedgeError:
        return REFUSED
    except (ValueError, MemoryError):
        return FAILED


def infer(model: LoadedModel, films: Sequence[Film]) -> list[bytes | None]:
    """Logits and embedding of each film; where they fail together each alone. None: failed, or not finite."""
    if not films:
        return []
    try:
        logits, embedding = model(np.stack(films))
    except (InferenceError, ValueError, MemoryError):
        return [None] if len(films) == 1 else [one for film in films for one in infer(model, [film])]
    fine = np.isfinite(logits).all(axis=1) & np.isfinite(embedding).all(axis=1)
    rows = zip(logits, embedding, fine, strict=True)
    return [one.astype("<f4").tobytes() + other.astype("<f2").tobytes() if good else None for one, other, good in rows]


if __name__ == "__main__":
    main()
