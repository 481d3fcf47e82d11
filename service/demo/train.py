"""Train the demo's model: `python -m service.demo.train` writes the weights and their digest into service/demo/model.

About 20,000 phantom films of a year that the demo never shows (another seed, the usual rooms, never the replacement scanner),
drawn by the same code, written as DICOM and read by the gateway's own decoder and preprocessing, so that the model sees in
training what it sees in service. A fixed seed, AdamW with one warm-up cycle, the weights of the last steps averaged. A held-out
quarter year then gives each finding a slope and an offset of its logit (Platt), folded into the last layer, so the output is
calibrated as it stands. Nothing but the phantom went in: no patient's film, no weights of others.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from service.demo.film import film_of
from service.demo.package import PACKAGE
from service.demo.population import studies_of
from service.demo.scenario import Scenario
from service.gateway.codec import decompress
from service.gateway.decode import decode
from service.gateway.limits import Limits
from service.gateway.preprocess import preprocess
from service.models.architectures import build
from service.models.manifest import MANIFEST, Manifest, read_manifest

SEED = 20_260
YEAR, HELD_OUT = 480, 120
"""Days of films to learn from, and days after them to calibrate and judge on."""
BATCH, EPOCHS, PEAK_RATE = 64, 12, 8e-3


def training_scenario() -> Scenario:
    """A stretch in which nothing happens."""
    days = YEAR + HELD_OUT
    return Scenario(epoch=date(2024, 1, 1), seed=SEED, acceptance_days=days, replacement_day=days, decay_day=days, days=days)


def examples_of(manifest: Manifest, scenario: Scenario, day: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Inputs [n, 1, rows, columns] and reports [n, findings] of one day, by way of DICOM."""
    studies = studies_of(scenario, day)
    inputs = [preprocess(decode(film_of(study), Limits(), decompress, manifest.accepts), manifest.preprocessing) for study in studies]
    return np.stack(inputs), np.array([study.report for study in studies], np.float32)


def examples(manifest: Manifest, scenario: Scenario, days: range) -> tuple[Tensor, Tensor]:
    """Inputs and reports of many days, drawn on two processes; the result does not depend on how many."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        drawn = list(pool.map(partial(examples_of, manifest, scenario), days, chunksize=8))
    return torch.from_numpy(np.concatenate([x for x, _ in drawn])), torch.from_numpy(np.concatenate([y for _, y in drawn]))


def fit(net: nn.Module, inputs: Tensor, reports: Tensor, epochs: int = EPOCHS) -> nn.Module:
    """Train in place and return the average of the weights over the last two epochs, in evaluation mode."""
    steps = epochs * (len(inputs) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    smooth = get_ema_multi_avg_fn(0.998)  # type: ignore[no-untyped-call]  # torch does not type it
    average = AveragedModel(net, multi_avg_fn=smooth, use_buffers=True)
    net.train()
    for films, answers in _batches(inputs, reports, epochs):
        loss = cross_entropy(net(films)[0], answers)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        optimizer.step()
        schedule.step()
        average.update_parameters(net)
    return average.module.eval()


def _batches(inputs: Tensor, reports: Tensor, epochs: int) -> Iterator[tuple[Tensor, Tensor]]:
    for _ in range(epochs):
        order = torch.randperm(len(inputs))
        for start in range(0, len(inputs) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            yield inputs[chosen], reports[chosen]


def logits_of(net: nn.Module, inputs: Tensor) -> Tensor:
    """Logits [n, findings] in evaluation mode."""
    with torch.inference_mode():
        return torch.cat([net(part)[0] for part in torch.split(inputs, 256)])


def calibrate(classify: nn.Linear, logits: Tensor, reports: Tensor) -> None:
    """Fold slope and offset of each finding, fitted by maximum likelihood, into the last layer."""
    logits = logits.clone()
    slope, offset = torch.ones(logits.shape[1], requires_grad=True), torch.zeros(logits.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([slope, offset], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = cross_entropy(logits * slope + offset, reports)
        value.backward()  # type: ignore[no-untyped-call]  # torch does not type it
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]  # torch does not type it
    with torch.no_grad():
        classify.weight.mul_(slope[:, None])
        classify.bias.mul_(slope).add_(offset)


def write_weights(net: nn.Module, folder: Path) -> str:
    """Store the state as safetensors, its digest in the manifest; returns the digest."""
    manifest = read_manifest(folder)
    artifact = folder / manifest.artifact.file
    save_file({name: value.contiguous() for name, value in net.state_dict().items()}, artifact)
    digest = hashlib.sha256(artifact.read_bytes()).hexdigest()
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(re.sub(r'sha256 = "[0-9a-f]{64}"', f'sha256 = "{digest}"', text))
    return digest


def auroc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Chance that a positive scores above a negative (Mann and Whitney).

    >>> auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores, kind="stable")] = np.arange(1, len(scores) + 1)
    hits = int(positive.sum())
    return float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * (len(scores) - hits)))


def main() -> None:
    """Draw, train, calibrate, write, and say how good it became on films that it did not learn from."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # sums in another order would be other weights
    manifest, scenario = read_manifest(PACKAGE), training_scenario()
    inputs, reports = examples(manifest, scenario, range(YEAR))
    net = fit(build("small_convnet", manifest.artifact.arguments), inputs, reports)
    held_out, truth = examples(manifest, scenario, range(YEAR, YEAR + HELD_OUT))
    half = len(held_out) // 2
    calibrate(net.get_submodule("classify"), logits_of(net, held_out[:half]), truth[:half])  # type: ignore[arg-type]  # the last layer is linear
    digest = write_weights(net, PACKAGE)
    scores, positive = logits_of(net, held_out[half:]).numpy(), truth[half:].numpy() > 0
    for column, finding in enumerate(manifest.finding_names):
        area, expected = auroc(scores[:, column], positive[:, column]), float((1 / (1 + np.exp(-scores[:, column]))).mean())
        sys.stdout.write(f"{finding}: AUROC {area:.3f}, {positive[:, column].mean():.3f} positive, {expected:.3f} predicted\n")
    sys.stdout.write(f"{len(inputs)} films, sha256 {digest}\n")


if __name__ == "__main__":
    main()
