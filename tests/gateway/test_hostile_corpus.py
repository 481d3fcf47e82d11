"""Every hostile film by name meets the decoder alone: refused by a domain error, or decoded into finite numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from service.errors import StepwedgeError
from service.gateway.isolation import CodecPool
from service.gateway.limits import Limits
from tests.gateway.decoding import decode
from tests.gateway.hostile_corpus import CORPUS, ODD, REFUSED


@pytest.fixture(scope="module")
def pool() -> Iterator[CodecPool]:
    with CodecPool() as pool:
        yield pool


def test_the_corpus_has_more_kinds_than_it_must() -> None:
    assert len(CORPUS) == len(REFUSED) + len(ODD) >= 100


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(pool: CodecPool, name: str) -> None:
    with pytest.raises(StepwedgeError):
        decode(REFUSED[name](), Limits(), pool)


@pytest.mark.parametrize("name", ODD)
def test_it_is_decoded_into_numbers_or_refused(pool: CodecPool, name: str) -> None:
    try:
        image = decode(ODD[name](), Limits(), pool)
    except StepwedgeError:
        return
    assert np.isfinite(image.pixels).all()
