"""Where the pages of a service are: the declared paths, with what the service holds filled in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

import httpx

from service.console import sheet
from service.console.page import href
from service.console.pages import PAGES


def addresses(values: Mapping[str, str], days: tuple[date, date]) -> dict[str, str]:
    """Name of a page -> its address; with the sheet that a report is, which is no page of the navigation.

    Raises:
        KeyError: A page has a part in its path that `values` does not name.
    """
    period = urlencode({"from": days[0], "to": days[1]})
    return {
        **{page.name: href(page.path, **values) for page in PAGES},
        "sheet": f"{href(sheet.PATH, **values, form='html')}?{period}",
    }


def held(client: httpx.Client) -> dict[str, str]:
    """A value for each part of a path, of the first model that has a remedy; without remedies, of the first that has an alarm, or of the first.

    Raises:
        LookupError: The service has no model.
    """
    models = [str(one["model"]) for one in answer(client, "/v1/models")]
    for model in models:
        remedies = answer(client, f"/v1/models/{model}/remedies")
        if remedies:
            return {"model": model, "alarm": str(remedies[0]["alarm"]), "remedy": str(remedies[0]["id"])}
    alarms = {model: answer(client, f"/v1/models/{model}/alarms") for model in models}
    for model, found in alarms.items():
        if found:
            return {"model": model, "alarm": str(found[0]["id"])}
    if not models:
        raise LookupError("the service has no model, so that no page of a model can be looked at")
    return {"model": models[0]}


def answer(client: httpx.Client, path: str) -> list[dict[str, object]]:
    reply = client.get(path)
    reply.raise_for_status()
    found: list[dict[str, object]] = reply.json()
    return found
