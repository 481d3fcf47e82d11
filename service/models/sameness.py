"""Sameness: what two versions of a model have in common, so that one need not be asked what the other has said."""

from __future__ import annotations

from service.models.manifest import Manifest


def same_input(one: Manifest, other: Manifest) -> bool:
    """Whether two versions see the same numbers of the same film."""
    return one.preprocessing == other.preprocessing and one.accepts.frames == other.accepts.frames


def same_logits(champion: Manifest, challenger: Manifest) -> bool:
    """Whether two versions give every film the same logits: then nothing needs to predict, and what differs is what is made of them.

    That is so of a version that was recalibrated, or that has other thresholds.
    """
    same_model = champion.artifact.sha256 == challenger.artifact.sha256 and champion.artifact.arguments == challenger.artifact.arguments
    return (
        same_model
        and same_input(champion, challenger)
        and champion.output == challenger.output
        and (champion.finding_names == challenger.finding_names)
    )
