"""The other side of a confirmation: `python -m service.review.confirm_process FOLDER SECONDS BYTES` asks alibi-detect.

Three two-sample tests (MMD, LSDD, a classifier that is to tell the two apart), each in every space that the films have: embedding, scores,
inputs (attributes and image statistics), and, where labels carry the
alarm, score and label. Each is made twice: of the window against the
reference, and, for scale, of a quiet stretch of the reference against the rest of it. The permutation tests take films for independent,
which those of a hospital are not: a quiet stretch that differs, too, says that the other answer means little.

alibi-detect is under the Business Source Licence: confirm.py asks whether it may be used before this process is started.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.review.confine import main, tell
from service.review.loaded import Loaded, Sample
from service.review.verdicts import FOUND, PERMUTATIONS, TwoSample

LEAST = 20
LEVELS = 20
"""Values of a category that are told apart; rarer ones are one."""
FOLDS = 5

Floats = NDArray[np.float32]
Test = Callable[[Floats, Floats, int], tuple[float, float]]
"""(reference, other, seed) -> (statistic, p-value)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Space:
    """Films as points. reference, window, quiet: [n, d]."""

    name: str
    reference: Floats
    window: Floats
    quiet: Floats


def confirm(loaded: Loaded, folder: Path) -> None:
    """Make every test and leave what it found in the folder."""
    warnings.simplefilter("ignore")
    tell(0.0, "loading alibi-detect")
    tests = _tests()
    spaces = [space for space in _spaces(loaded) if min(len(space.reference), len(space.window)) >= LEAST]
    found: list[TwoSample] = []
    left_out: list[str] = []
    for number, (space, (name, test)) in enumerate([(space, one) for space in spaces for one in tests.items()]):
        tell((number + 1) / (len(spaces) * len(tests) + 1), f"{name} of {space.name}")
        answer = _asked(space, name, test, loaded.seed)
        if answer is None:
            left_out.append(f"{name} of {space.name}")
        else:
            found.append(answer)
    content = {"version": version("alibi-detect"), "tests": [asdict(one) for one in found], "left_out": left_out}
    (folder / FOUND).write_text(json.dumps(content))


def _asked(space: _Space, name: str, test: Test, seed: int) -> TwoSample | None:
    """None where the library cannot make this test of these films (LSDD wants few of them to be equal)."""
    answer = _attempted(test, space.reference, space.window, seed)
    quiet = _attempted(test, space.reference, space.quiet, seed) if len(space.quiet) >= LEAST else None
    if answer is None:
        return None
    n, m = len(space.reference), len(space.window)
    return TwoSample(name, space.name, *answer, n, m, None if quiet is None else quiet[1], len(space.quiet))


def _attempted(test: Test, reference: Floats, other: Floats, seed: int) -> tuple[float, float] | None:
    try:
        return test(reference, other, seed)
    except ValueError:
        return None


def _tests() -> dict[str, Test]:
    import torch  # noqa: PLC0415 - once the process is confined, and after its first word
    from alibi_detect.cd import ClassifierDrift, LSDDDrift, MMDDrift  # noqa: PLC0415 - likewise
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - likewise

    torch.set_num_threads(1)

    def answer(detector: Any, other: Floats) -> tuple[float, float]:  # noqa: ANN401 - three unrelated classes
        data = detector.predict(other)["data"]
        return float(data["distance"]), float(data["p_val"])

    def permuted(detector: Any, other: Floats) -> tuple[float, float]:  # noqa: ANN401 - two unrelated classes
        """The order as it came is one of the permutations, so no p-value is 0 (Phipson and Smyth 2010)."""
        distance, share = answer(detector, other)
        return distance, (share * PERMUTATIONS + 1) / (PERMUTATIONS + 1)

    def seeded(seed: int) -> None:
        np.random.seed(seed)  # noqa: NPY002 - the library draws from it
        torch.manual_seed(seed)

    def mmd(reference: Floats, other: Floats, seed: int) -> tuple[float, float]:
        seeded(seed)
        return permuted(MMDDrift(reference, backend="pytorch", n_permutations=PERMUTATIONS, device="cpu"), other)

    def lsdd(reference: Floats, other: Floats, seed: int) -> tuple[float, float]:
        seeded(seed)
        return permuted(LSDDDrift(reference, backend="pytorch", n_permutations=PERMUTATIONS, device="cpu"), other)

    def classifier(reference: Floats, other: Floats, seed: int) -> tuple[float, float]:
        seeded(seed)
        model = LogisticRegression(C=0.1, max_iter=500, class_weight="balanced")
        detector = ClassifierDrift(
            reference, model, backend="sklearn", preds_type="probs", binarize_preds=False, n_folds=FOLDS, train_size=None, seed=seed
        )
        return answer(detector, other)

    return {"MMD": mmd, "LSDD": lsdd, "classifier": classifier}


def _spaces(loaded: Loaded) -> Iterator[_Space]:
    embedding = [part.embedding[np.isfinite(part.embedding).all(axis=1)] for part in _parts(loaded)]
    if embedding[0].shape[1] == embedding[1].shape[1] > 0:
        yield _scaled("embedding", *embedding)
    yield _scaled("scores", *(part.scores for part in _parts(loaded)))
    if loaded.reference.numeric or loaded.reference.categorical:
        yield _scaled("inputs", *_inputs(loaded))
    for finding in loaded.judged:
        column = loaded.findings.index(finding)
        labelled = [part.labels[:, column] for part in _parts(loaded)]
        known = [np.isfinite(one) for one in labelled]
        truth = [np.stack([p.scores[k, column], y[k]], axis=1) for p, y, k in zip(_parts(loaded), labelled, known, strict=True)]
        yield _scaled(f"score and label of {finding}", *truth)


def _parts(loaded: Loaded) -> tuple[Sample, Sample, Sample]:
    return loaded.reference, loaded.window, loaded.quiet


def _inputs(loaded: Loaded) -> list[NDArray[Any]]:
    """Numbers with what is missing put at the reference's mean and told by a column of its own; categories as columns of 0 and 1."""
    columns: list[list[NDArray[Any]]] = [[], [], []]
    for name, values in loaded.reference.numeric.items():
        mean = float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
        for place, part in enumerate(_parts(loaded)):
            column = part.numeric[name]
            columns[place] += [np.where(np.isfinite(column), column, mean), ~np.isfinite(column)]
    for name in loaded.reference.categorical:
        together = np.concatenate([part.categorical[name] for part in _parts(loaded)])
        levels, counts = np.unique(together, return_counts=True)
        for level in levels[np.argsort(-counts, kind="stable")][:LEVELS]:
            for place, part in enumerate(_parts(loaded)):
                columns[place].append(part.categorical[name] == level)
    return [np.stack(one, axis=1).astype(float) for one in columns]


def _scaled(name: str, reference: NDArray[Any], window: NDArray[Any], quiet: NDArray[Any]) -> _Space:
    """Every column in units of its scatter over all of them; a column that is constant says nothing."""
    parts = [np.asarray(one, dtype=float).reshape(len(one), -1) for one in (reference, window, quiet)]
    together = np.concatenate(parts)
    mean, scatter = (together.mean(axis=0), together.std(axis=0)) if len(together) else (0.0, np.ones(parts[0].shape[1]))
    keep = np.asarray(scatter) > 0
    return _Space(name, *(((one - mean)[:, keep] / np.asarray(scatter)[keep]).astype(np.float32) for one in parts))


if __name__ == "__main__":
    main(confirm)
