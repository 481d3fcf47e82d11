"""A package is what its manifest says, or it does not load; and nothing in it runs before that is known."""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from service.errors import InferenceError, PackageError
from service.models.loading import LoadedModel, load_package
from tests.models.packages import FILES, SIDE, convnet, exported, make_package, serialise

FORMATS = tuple(FILES)
FILMS = np.random.default_rng(1).normal(size=(3, 1, SIDE, SIDE)).astype(np.float32)


ANSWERS: Mapping[str, Callable[[Tensor], Any]] = {
    "logits": lambda mean: torch.cat((mean, mean), dim=1),
    "probabilities": lambda mean: torch.cat((mean.sigmoid(), (-mean).sigmoid()), dim=1),
    "one": lambda mean: mean,
    "not finite": lambda mean: torch.cat((mean, mean / torch.zeros(1)), dim=1),
    "three": lambda mean: (torch.cat((mean, mean), dim=1), mean, mean),
    "batch of one": lambda mean: torch.cat((mean, mean), dim=1)[:1],
    "flat embedding": lambda mean: (torch.cat((mean, mean), dim=1), mean.mean()),
    "wide embedding": lambda mean: (torch.cat((mean, mean), dim=1), mean.repeat(1, 5000)),
}


class Head(nn.Module):
    """A model of one line, for what a convnet does not do."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.answer = ANSWERS[kind]
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, films: Tensor) -> Any:
        return self.answer(films.mean(dim=(1, 2, 3))[:, None] * self.weight)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_gives_the_model_that_was_saved(tmp_path: Path, format_: str) -> None:
    model = load_package(make_package(tmp_path, format_=format_, module=convnet(seed=3)))
    with torch.inference_mode():
        logits, embedding = convnet(seed=3)(torch.from_numpy(FILMS))
    answered = model(FILMS)
    np.testing.assert_allclose(answered[0], logits.numpy(), atol=1e-5)
    np.testing.assert_allclose(answered[1], embedding.numpy(), atol=1e-3)
    assert [part.dtype.name for part in answered] == ["float32", "float16"]
    assert model.embedding == 32


@pytest.mark.parametrize("format_", FORMATS)
def test_a_film_scores_the_same_alone_and_in_a_batch(tmp_path: Path, format_: str) -> None:
    model = load_package(make_package(tmp_path, format_=format_))
    together = model(FILMS)[0]
    np.testing.assert_allclose(together, np.concatenate([model(film[None])[0] for film in FILMS]), atol=1e-5)


def test_the_small_convnet_is_small() -> None:
    assert 30_000 < sum(parameter.numel() for parameter in convnet().parameters()) < 40_000


def test_probabilities_become_logits_and_stay_finite(tmp_path: Path) -> None:
    package = make_package(tmp_path, format_="torchscript", module=Head("probabilities"), output={"kind": "probability"})
    model = load_package(package)
    sure = np.stack([np.full((1, SIDE, SIDE), value, np.float32) for value in (0.0, 2.0, 1e6)])
    logits = model(sure)[0]
    np.testing.assert_allclose(logits[:2], [[0, 0], [2, -2]], atol=1e-5)
    np.testing.assert_allclose(logits[2], [16.118, -16.118], atol=0.01)
    assert model(sure)[1].shape == (3, 0)


@pytest.mark.parametrize("format_", FORMATS)
def test_an_artifact_of_another_sha256_is_not_even_opened(tmp_path: Path, format_: str) -> None:
    package = make_package(tmp_path, format_=format_)
    artifact = package / FILES[format_]
    artifact.write_bytes(artifact.read_bytes() + b"\0")
    with pytest.raises(PackageError, match="sha256"):
        load_package(package)


def test_an_artifact_that_is_missing_is_refused(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    (package / FILES["safetensors"]).unlink()
    with pytest.raises(PackageError, match="cannot be read"):
        load_package(package)


class Payload:
    """Runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.mark,)


def pickled(mark: Path) -> dict[str, bytes]:
    """The payload in the shapes that torch has ever loaded."""
    bare, modern, legacy = pickle.dumps(Payload(mark)), BytesIO(), BytesIO()
    torch.save({"weights": Payload(mark)}, modern)
    torch.save({"weights": Payload(mark)}, legacy, _use_new_zipfile_serialization=False)
    return {"bare": bare, "modern": modern.getvalue(), "legacy": legacy.getvalue()}


def with_members(archive: bytes, **members: bytes) -> bytes:
    """A zip archive with members replaced or added, by the end of their names."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(archive)) as source, zipfile.ZipFile(out, "w") as target:
        replaced = {name.replace("__", "/") for name in members}
        root = source.namelist()[0].split("/")[0]
        for name in source.namelist():
            if name.partition("/")[2] not in replaced:
                target.writestr(name, source.read(name))
        for name, content in members.items():
            target.writestr(f"{root}/{name.replace('__', '/')}", content)
    return out.getvalue()


def test_the_payload_would_run_if_it_were_unpickled(tmp_path: Path) -> None:
    for shape, content in pickled(tmp_path / "mark").items():
        if shape == "bare":
            pickle.loads(content)
        else:
            torch.load(BytesIO(content), weights_only=False)
        (tmp_path / "mark").unlink()


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("shape", ["bare", "modern", "legacy"])
def test_a_pickle_under_another_name_is_refused_and_never_runs(tmp_path: Path, format_: str, shape: str) -> None:
    mark = tmp_path / "mark"
    with pytest.raises(PackageError):
        load_package(make_package(tmp_path / "package", format_=format_, data=pickled(mark)[shape]))
    assert not mark.exists()


@pytest.mark.parametrize(
    "member",
    [
        "data__sample_inputs__model.pt",
        "data__weights__model.pt",
        "data__constants__model.pt",
        "serialized_state_dict.pt",
        "data__weights__weight_0",
    ],
)
@pytest.mark.parametrize("shape", ["bare", "modern", "legacy"])
def test_a_pickle_inside_an_exported_program_is_refused_and_never_runs(tmp_path: Path, member: str, shape: str) -> None:
    mark = tmp_path / "mark"
    program = with_members(exported(), **{member: pickled(mark)[shape]})
    with pytest.raises(PackageError):
        load_package(make_package(tmp_path / "package", format_="export", data=program))
    assert not mark.exists()


def rewritten(program: bytes, name: str, old: str, new: str) -> bytes:
    """An exported program with a text replaced once in one of its JSON members."""
    with zipfile.ZipFile(BytesIO(program)) as archive:
        member = next(entry for entry in archive.namelist() if entry.endswith(name))
        text = archive.read(member).decode()
    assert old in text
    changed = text.replace(old, new, 1)
    json.loads(changed)
    return with_members(program, **{member.partition("/")[2].replace("/", "__"): changed.encode()})


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("model.json", '"target": "torch.ops.aten.relu.default"', '"target": "torch.load"'),
        ("model.json", '"target": "torch.ops.aten.relu.default"', '"target": "torch.ops.load_library"'),
        ("model.json", '"target": "torch.ops.aten.relu.default"', '"target": "#custom:op"'),
        ("model.json", "positive=True, integer=True)", "positive=True, integer=True) + exec(chr(49))"),
        ("model.json", "positive=True, integer=True)", "positive=True, integer=True).__class__"),
        ("model_weights_config.json", '"use_pickle": false', '"use_pickle": true'),
    ],
)
def test_an_exported_program_that_could_run_code_of_its_own_is_refused(tmp_path: Path, name: str, old: str, new: str) -> None:
    program = rewritten(exported(), name, old, new)
    with pytest.raises(PackageError, match="operator that is not" if "target" in old else "graph of tensors"):
        load_package(make_package(tmp_path, format_="export", data=program))


def test_a_compiled_library_inside_an_exported_program_is_refused(tmp_path: Path) -> None:
    program = with_members(exported(), data__aotinductor__model__x_so=b"\x7fELF")
    with pytest.raises(PackageError):
        load_package(make_package(tmp_path, format_="export", data=program))


@pytest.mark.parametrize("format_", FORMATS)
def test_a_torn_artifact_is_refused(tmp_path: Path, format_: str) -> None:
    whole = exported() if format_ == "export" else serialise(convnet(), format_)
    for number, data in enumerate((b"", whole[:100], whole[: len(whole) // 2], whole[:-1], b"\0" * 4096)):
        with pytest.raises(PackageError):
            load_package(make_package(tmp_path / str(number), format_=format_, data=data))


def test_weights_must_fit_the_architecture_one_by_one(tmp_path: Path) -> None:
    for number, data in enumerate((serialise(convnet(3), "safetensors"), serialise(Head("one"), "safetensors"))):
        with pytest.raises(PackageError, match="fit"):
            load_package(make_package(tmp_path / str(number), data=data))


def test_an_architecture_that_is_not_builtin_is_refused(tmp_path: Path) -> None:
    named = {"file": FILES["safetensors"], "architecture": "resnet", "arguments": {}}
    with pytest.raises(PackageError, match="small_convnet"):
        load_package(_with_sha(tmp_path / "name", named))
    odd = {"file": FILES["safetensors"], "architecture": "small_convnet", "arguments": {"layers": 3}}
    with pytest.raises(PackageError, match="arguments"):
        load_package(_with_sha(tmp_path / "arguments", odd))


def _with_sha(folder: Path, artifact: dict[str, Any]) -> Path:
    data = serialise(convnet(), "safetensors")
    return make_package(folder, data=data, artifact={**artifact, "format": "safetensors", "sha256": hashlib.sha256(data).hexdigest()})


@pytest.mark.parametrize("kind", ["one", "not finite", "three", "batch of one", "flat embedding"])
def test_a_model_that_does_not_answer_as_it_says_is_refused_at_the_door(tmp_path: Path, kind: str) -> None:
    with pytest.raises(PackageError, match="does not answer"):
        load_package(make_package(tmp_path, format_="torchscript", module=Head(kind)))


def test_logits_where_probabilities_were_promised_are_refused_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="probability"):
        load_package(make_package(tmp_path, format_="torchscript", module=Head("logits"), output={"kind": "probability"}))


def test_an_embedding_beyond_reason_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="embedding"):
        load_package(make_package(tmp_path, format_="torchscript", module=Head("wide embedding")))


def test_a_program_for_one_batch_size_is_refused_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="every n"):
        load_package(make_package(tmp_path, format_="export", data=serialise(convnet(), "export", batch=1)))


def test_a_program_for_another_size_of_film_is_refused_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="does not answer"):
        load_package(make_package(tmp_path, format_="export", preprocessing={"rows": 64}))


def test_a_model_that_fails_later_says_so_by_a_domain_error(tmp_path: Path) -> None:
    model = load_package(make_package(tmp_path))
    with pytest.raises(InferenceError):
        model(np.zeros((2, 3, SIDE, SIDE), np.float32))
    with pytest.raises(InferenceError):
        LoadedModel(model.manifest, model.module, 7)(FILMS)
