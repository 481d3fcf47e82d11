"""The operational series, and on a laptop the measured ones too, for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from service.api.callers import may
from service.api.documents import Responses
from service.api.state import Served

router = APIRouter(tags=["operations"])
reading = may("read")
EXPOSITION: Responses = {
    200: {"description": "The series, in the form that Accept asks for.", "content": {"text/plain": {}, "application/openmetrics-text": {}}}
}


def open_registry() -> CollectorRegistry:
    """Where the series of this process are declared, its memory, files and processor time among them."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


@router.get("/metrics", operation_id="metrics", summary="Series for Prometheus", response_class=Response, responses=EXPOSITION)
async def metrics(request: Request, service: Served) -> Response:
    """Prometheus text format, or OpenMetrics where Accept asks for it. A scrape computes nothing. Open, unless the service was told to ask for the role read."""
    if service.settings.metrics_need_key:
        await reading(request, service)
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(service.registry), headers={"Content-Type": media_type})
