"""All routers, in plain sight."""

from __future__ import annotations

from service.api import (
    alarms,
    alerts,
    devices,
    erasures,
    health,
    home,
    label_upload,
    labels,
    measurements,
    metrics,
    models,
    open_inference,
    predictions,
    problem_kinds,
    remedies,
    reports,
    requests,
)

ROUTERS = (
    predictions.router,
    open_inference.router,
    reports.router,
    requests.router,
    labels.router,
    label_upload.router,
    models.router,
    alarms.router,
    alerts.router,
    devices.router,
    measurements.router,
    remedies.router,
    erasures.router,
    health.router,
    metrics.router,
    problem_kinds.router,
    home.router,
)
