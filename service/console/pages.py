"""Every page, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Mapping

from service.console.alarm import ALARM_PAGE
from service.console.audit import AUDIT_PAGE
from service.console.calibration import CALIBRATION_PAGE, calibration
from service.console.downloads import Draw
from service.console.fleet import FLEET_PAGE
from service.console.inputs import INPUTS_PAGE, inputs
from service.console.login import LOGIN_PAGE
from service.console.model import MODEL_PAGE, drawn_evidence
from service.console.page import Page
from service.console.performance import PERFORMANCE_PAGE, performance
from service.console.remedies import REMEDIES_PAGE
from service.console.remedy import REMEDY_PAGE
from service.console.report import REPORT_PAGE
from service.console.service import SERVICE_PAGE, service
from service.console.story import STORY_PAGE
from service.console.subgroups import SUBGROUPS_PAGE, subgroups
from service.console.worklist import WORKLIST_PAGE

PAGES: tuple[Page, ...] = (
    STORY_PAGE,
    FLEET_PAGE,
    MODEL_PAGE,
    INPUTS_PAGE,
    CALIBRATION_PAGE,
    PERFORMANCE_PAGE,
    SUBGROUPS_PAGE,
    WORKLIST_PAGE,
    REPORT_PAGE,
    ALARM_PAGE,
    REMEDIES_PAGE,
    REMEDY_PAGE,
    SERVICE_PAGE,
    AUDIT_PAGE,
    LOGIN_PAGE,
)

FIGURED: Mapping[str, Draw] = {
    "overview": drawn_evidence,
    "inputs": inputs,
    "calibration": calibration,
    "performance": performance,
    "subgroups": subgroups,
    "service": service,
}
"""Pages whose drawings can be had as files: the name in the address -> what draws them."""
