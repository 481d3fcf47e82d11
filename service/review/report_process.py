"""The other side of a report: `python -m service.review.report_process FOLDER SECONDS BYTES` lets Evidently write its page.

Kolmogorov-Smirnov for numbers and chi-square of the two-way table for categories, whatever the number of films, at .05 over all columns, as
-log10 p, so that Evidently, which puts the largest first, puts what drifts first. With its defaults it changes the test with n, takes the
reference's shares for exactly known, and calls pure noise drift. Each column is shuffled by itself before Evidently sees it, because its page
carries values of single films: so no line of it is a film, and what it computes of columns stays the same.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.review.confine import main, tell
from service.review.loaded import Loaded, Sample
from service.review.page import FOUND, PAGE, WORDS, dressed

LEVEL = 0.05
MISSING = "(missing)"
DIGITS = 4
COMMON = 10
SMALLEST = 1e-300

Columns = Mapping[str, NDArray[Any]]


def report(loaded: Loaded, folder: Path) -> None:
    """Write the page, and what it says as JSON, into the folder."""
    warnings.simplefilter("ignore")
    tell(0.0, "loading Evidently")
    import pandas as pd  # noqa: PLC0415 - once the process is confined, and after its first word
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415 - likewise
    from evidently.presets import DataDriftPreset  # noqa: PLC0415 - likewise

    numbers, categories = columns_of(loaded, loaded.reference, loaded.window)
    tell(0.3, "comparing columns")
    rng = np.random.default_rng(loaded.seed)
    definition = DataDefinition(numerical_columns=list(numbers), categorical_columns=list(categories))
    sides = [
        Dataset.from_pandas(
            pd.DataFrame({name: pd.Series(rng.permutation(pair[side])) for name, pair in {**numbers, **categories}.items()}),
            data_definition=definition,
        )
        for side in (0, 1)
    ]
    count = len(numbers) + len(categories)
    level = LEVEL / count
    numeric, categorical = _registered()
    preset = DataDriftPreset(
        num_method=numeric, cat_method=categorical, threshold=float(-np.log10(level)), drift_share=1 / count, include_tests=False
    )
    made = Report([preset]).run(sides[1], sides[0])
    tell(0.7, "writing the page")
    (folder / PAGE).write_text(dressed(made.get_html_str(as_iframe=False), json.loads((folder / WORDS).read_text())))
    p_values = {
        name: 10.0 ** -float(metric["value"]) for metric in json.loads(made.json())["metrics"] if (name := metric["config"].get("column"))
    }
    content = {"version": version("evidently"), "level": level, "n_reference": len(loaded.reference), "n_window": len(loaded.window)}
    (folder / FOUND).write_text(json.dumps({**content, "p_values": p_values}))


def _registered() -> tuple[Any, Any]:
    """Our two tests, as Evidently takes them: (reference, current, type, threshold) -> (score, whether it drifts)."""
    from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest  # noqa: PLC0415 - once the process is confined
    from evidently.legacy.core import ColumnType  # noqa: PLC0415 - likewise
    from scipy.stats import ks_2samp  # noqa: PLC0415 - likewise

    def as_score(p_value: Callable[[Any, Any], float]) -> Callable[[Any, Any, Any, float], tuple[float, bool]]:
        def scored(reference: Any, current: Any, _kind: Any, threshold: float) -> tuple[float, bool]:  # noqa: ANN401 - pandas' columns
            score = -float(np.log10(max(p_value(reference, current), SMALLEST)))
            return score, score >= threshold

        return scored

    numeric = StatTest("stepwedge_ks", "Kolmogorov-Smirnov, -log10 p", [ColumnType.Numerical])
    categorical = StatTest("stepwedge_chi_square", "chi-square of the table, -log10 p", [ColumnType.Categorical])
    register_stattest(numeric, as_score(lambda reference, current: float(ks_2samp(reference, current).pvalue)))
    register_stattest(categorical, as_score(table_p_value))
    return numeric, categorical


def table_p_value(reference: Any, current: Any) -> float:  # noqa: ANN401 - pandas' columns
    """Chi-square of the table of two samples; values that fewer than ten films have are one, since the test wants no empty corners."""
    from scipy.stats import chi2_contingency  # noqa: PLC0415 - once the process is confined

    one, other = (np.asarray(side, dtype=str) for side in (reference, current))
    values, counts = np.unique(np.concatenate([one, other]), return_counts=True)
    common = values[counts >= COMMON]
    table = np.array(
        [[*(np.count_nonzero(side == value) for value in common), np.count_nonzero(~np.isin(side, common))] for side in (one, other)]
    )
    table = table[:, table.any(axis=0)]
    return float(chi2_contingency(table).pvalue) if table.shape[1] > 1 else 1.0


def columns_of(loaded: Loaded, reference: Sample, window: Sample) -> tuple[dict[str, list[NDArray[Any]]], dict[str, list[NDArray[Any]]]]:
    """Columns of numbers and of categories, name -> [of the reference, of the window]. Whether a number is missing is a category of its own."""
    numbers: dict[str, list[NDArray[Any]]] = {}
    categories: dict[str, list[NDArray[Any]]] = {}
    for name in reference.numeric:
        pair = [np.asarray(side.numeric[name], dtype=float) for side in (reference, window)]
        known = [one[np.isfinite(one)] for one in pair]
        if all(map(len, known)):
            numbers[name] = [_rounded(one) for one in known]
        if any(len(k) < len(p) for k, p in zip(known, pair, strict=True)):
            categories[f"{name} missing"] = [np.where(np.isfinite(one), "no", "yes") for one in pair]
    for place, finding in enumerate(loaded.findings):
        numbers[f"score of {escape(finding)}"] = [_rounded(side.scores[:, place].astype(float)) for side in (reference, window)]
    for name in reference.categorical:
        pair = [side.categorical[name] for side in (reference, window)]
        categories[name] = [np.where(one == "", MISSING, one).astype(object) for one in pair]
    return _telling(numbers), _telling(categories)


def _telling(columns: dict[str, list[NDArray[Any]]]) -> dict[str, list[NDArray[Any]]]:
    """Leave out a column that has one and the same value everywhere: there is no test of it."""
    return {name: pair for name, pair in columns.items() if len(np.unique(np.concatenate(pair).astype(str))) > 1}


def _rounded(values: NDArray[Any]) -> NDArray[Any]:
    """To four digits: nobody reads more, and fewer films can be told by a value."""
    scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(np.abs(np.where(values == 0, 1.0, values)))))
    return np.asarray(np.round(values * scale) / scale)


if __name__ == "__main__":
    main(report)
