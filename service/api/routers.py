"""All routers, in plain sight."""

from __future__ import annotations

from starlette.routing import Route

from service.api import (
    acknowledgements,
    alarms,
    alerts,
    canaries,
    comparisons,
    curves,
    devices,
    dicomweb,
    erasures,
    evidence,
    health,
    label_fhir,
    label_upload,
    labels,
    measurements,
    metrics,
    models,
    open_inference,
    predictions,
    problem_kinds,
    promotions,
    remedies,
    reports,
    requests,
    reviews,
    series,
    stops,
    subgroups,
    thresholds,
    worklist,
)

ROUTERS = (
    predictions.router,
    open_inference.router,
    reports.router,
    requests.router,
    dicomweb.router,
    labels.router,
    label_upload.router,
    label_fhir.router,
    worklist.router,
    models.router,
    alarms.router,
    reviews.router,
    acknowledgements.router,
    alerts.router,
    devices.router,
    measurements.router,
    series.router,
    curves.router,
    subgroups.router,
    thresholds.router,
    remedies.router,
    comparisons.router,
    stops.router,
    promotions.router,
    canaries.router,
    evidence.router,
    erasures.router,
    health.router,
    metrics.router,
    problem_kinds.router,
)

DIRECT = (
    Route("/v1/models/{model}/predictions", predictions.create_prediction_at_once, methods=["POST"]),
    Route("/v2/models/{model}/infer", open_inference.infer_at_once, methods=["POST"]),
    Route("/v2/models/{model}/versions/{version}/infer", open_inference.infer_at_once, methods=["POST"]),
)
"""The endpoints that carry the load once more, see direct.py. The routers document them."""
