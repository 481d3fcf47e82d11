"""Half the time, the same answers; and nobody's program is touched."""

from __future__ import annotations

import numpy as np
import pytest

from service.demo.package import PACKAGE
from service.models.loading import load_package
from service.models.swift import swift
from tests.models.packages import make_package


@pytest.mark.parametrize("films", [1, 3, 16])
def test_a_built_in_architecture_answers_as_before(films):
    model = load_package(PACKAGE)
    quick = swift(model)
    assert quick.module is not model.module
    batch = np.random.default_rng(films).normal(size=(films, 1, 64, 64)).astype(np.float32)
    logits, embedding = quick(batch)
    logits_before, embedding_before = model(batch)
    np.testing.assert_allclose(logits, logits_before, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(embedding, embedding_before, rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("artifact", ["torchscript", "export"])
def test_a_program_stays_as_its_maker_shipped_it(tmp_path, artifact):
    model = load_package(make_package(tmp_path / "package", format_=artifact))
    assert swift(model) is model
