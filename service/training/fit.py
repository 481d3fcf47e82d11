"""Fit: fine-tune the champion's weights with class weights, until the validation films say that it gets no better."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from detectors.calibrator import Calibrator
from service.domain import Tell
from service.errors import TrainingError
from service.training.films import Films

BATCH: Final = 64
RATE: Final = 1e-3
PATIENCE: Final = 4
"""Epochs without a better validation loss."""
HEAVIEST: Final = 20.0
"""Largest weight of a positive."""
LEAST: Final = 20
"""Labelled films of each split, and positives and negatives of a finding in validation before it gets a calibrator."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of it: loss on validation films before and after, after how many epochs the best weights were reached."""

    before: float
    after: float
    best_epoch: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Batches:
    """Films as tensors. known: 1 where there is a label."""

    inputs: Tensor
    labels: Tensor
    weights: Tensor

    @classmethod
    def of(cls, films: Films, class_weights: Tensor) -> Batches:
        """A missing label weighs nothing; a positive as much as its class needs."""
        labels = torch.from_numpy(films.labels)
        known = ~labels.isnan()
        filled = labels.nan_to_num()
        weights = torch.from_numpy(films.weights) * known * (filled * class_weights + (1 - filled))
        return cls(torch.from_numpy(films.inputs), filled, weights)

    def loss(self, logits: Tensor, chosen: Tensor | slice) -> Tensor:
        """Weighted mean cross entropy of some of them."""
        weights = self.weights[chosen]
        return cross_entropy(logits, self.labels[chosen], weights, reduction="sum") / weights.sum().clamp(min=1e-6)


def fit(net: nn.Module, train: Films, validation: Films, *, seed: int, epochs: int, tell: Tell) -> Fitted:
    """Train in place; the weights are those with the least loss on the validation films, the champion's own if nothing was better.

    Raises:
        TrainingError: There are too few films.
    """
    if min(len(train), len(validation)) < LEAST:
        raise TrainingError(
            f"{LEAST} labelled films whose pixels were kept are needed in each split; there are {len(train)} and {len(validation)}"
        )
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    balance = class_weights(train)
    learning, judging = Batches.of(train, balance), Batches.of(validation, balance)
    before = best = validation_loss(net, judging)
    kept, best_epoch, epoch = deepcopy(net.state_dict()), 0, 0
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-2)
    while epoch < epochs and epoch - best_epoch < PATIENCE:
        epoch += 1
        tell(epoch / epochs, f"epoch {epoch}, validation loss {best:.4f}")
        run_epoch(net, optimizer, learning)
        loss = validation_loss(net, judging)
        if loss < best:
            best, best_epoch, kept = loss, epoch, deepcopy(net.state_dict())
    net.load_state_dict(kept)
    net.eval()
    return Fitted(before, best, best_epoch, epoch)


def run_epoch(net: nn.Module, optimizer: torch.optim.Optimizer, films: Batches) -> None:
    """Once through the films, in an order of the seed; a last batch of one is left out, which no normalisation can take."""
    net.train()
    for chosen in torch.split(torch.randperm(len(films.inputs)), BATCH):
        if len(chosen) > 1:
            optimizer.zero_grad()
            films.loss(net(films.inputs[chosen])[0], chosen).backward()  # type: ignore[no-untyped-call] # torch does not type it
            optimizer.step()


def validation_loss(net: nn.Module, films: Batches) -> float:
    """Of all films, in evaluation mode."""
    net.eval()
    return float(films.loss(logits_of(net, films.inputs), slice(None)))


def logits_of(net: nn.Module, inputs: Tensor) -> Tensor:
    """Logits [n, findings] in evaluation mode."""
    with torch.inference_mode():
        return torch.cat([net(part)[0] for part in torch.split(inputs, 256)])


def class_weights(films: Films) -> Tensor:
    """What a positive of each finding weighs: the square root of negatives over positives, so that a rare class counts and does not rule."""
    labels, weights = torch.from_numpy(films.labels), torch.from_numpy(films.weights)
    up = (labels.nan_to_num() * weights).sum(dim=0)
    down = ((1 - labels).nan_to_num() * weights).sum(dim=0)
    return (down / up.clamp(min=1.0)).sqrt().clamp(1.0, HEAVIEST)


def calibrators(net: nn.Module, films: Films) -> tuple[Calibrator, ...]:
    """Platt's map of each finding, by maximum likelihood on the validation films: class weights have moved the logits. None where it has too few."""
    logits = logits_of(net, torch.from_numpy(films.inputs)).clone()
    plain = Batches.of(films, torch.ones(films.labels.shape[1]))
    return tuple(_platt(logits[:, place], plain.labels[:, place], plain.weights[:, place]) for place in range(logits.shape[1]))


def _platt(logits: Tensor, labels: Tensor, weights: Tensor) -> Calibrator:
    up, down = float((labels * (weights > 0)).sum()), float(((1 - labels) * (weights > 0)).sum())
    if min(up, down) < LEAST:
        return Calibrator()
    line = torch.tensor([0.0, 0.0], dtype=torch.float64, requires_grad=True)  # logarithm of the slope, intercept
    optimizer = torch.optim.LBFGS([line], max_iter=200, line_search_fn="strong_wolfe")
    doubled = logits.double()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = cross_entropy(doubled * line[0].exp() + line[1], labels.double(), weights.double())
        loss.backward()  # type: ignore[no-untyped-call] # torch does not type it
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call] # torch does not type it
    return Calibrator(float(line[0].detach().exp()), float(line[1].detach()))
