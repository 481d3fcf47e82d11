"""A torch.export archive, looked through before torch opens it.

torch says of `torch.export.load`: never for data that you do not trust. It falls back to full unpickling, evaluates shape
expressions and looks operators up by any dotted name. So only the members that `torch.export.save` writes are let in,
pickled members must pass torch's own weights_only reader, operators must be ATen or plain arithmetic, and expressions
plain algebra.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from itertools import groupby
from typing import Final

import torch

from service.errors import PackageError

UNPACKED_BYTES: Final = 8 << 30
JSON_BYTES: Final = 64 << 20
MEMBERS: Final = re.compile(
    r"[\w.-]+/(?:"
    r"data/weights/weight_\d+|data/constants/tensor_\d+|data/(?:weights|constants)/model_(?:weights|constants)_config\.json|"
    r"data/sample_inputs/model\.pt|models/model\.json|archive_format|archive_version|byteorder|\.format_version|\.storage_alignment|"
    r"\.data/version|\.data/serialization_id)"
)
OPERATORS: Final = re.compile(r"torch\.ops\.(?:aten|prims)\.\w+(?:\.\w+)?|torch\.sym_\w+|(?:_operator|math)\.[a-z]\w*")
SYMBOL: Final = re.compile(r"Symbol\('\w+'(?:, \w+=(?:True|False))*\)")
ALGEBRA: Final = re.compile(r"(?:[A-Z]\w*\(|[a-z]\w*(?![\w(])|\d+(?:\.\d+)?|[\s+\-*/%(),<>=&|~])*")

STRANGE = "the exported program holds something that is not a graph of tensors"


def check_archive(data: bytes) -> None:
    """Pass, or raise PackageError: nothing in the archive can run code of its own."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            _check_members(archive)
            for member in archive.infolist():
                _check_member(archive, member)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RecursionError, ValueError):
        raise PackageError("the artifact is not a program of torch.export.save") from None


def _check_members(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    names = sorted(member.filename for member in members)
    if not names or any(len(list(same)) > 1 for _, same in groupby(names)):
        raise PackageError(STRANGE)
    if not all(MEMBERS.fullmatch(name) for name in names) or sum(member.file_size for member in members) > UNPACKED_BYTES:
        raise PackageError(STRANGE)


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    if member.filename.endswith(".pt"):
        _check_pickle(archive.read(member))
    elif member.filename.endswith(".json"):
        if member.file_size > JSON_BYTES:
            raise PackageError(STRANGE)
        for part in _tables(json.loads(archive.read(member))):
            _check_table(part)


def _check_pickle(content: bytes) -> None:
    try:
        torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001 (whatever torch's reader dislikes is refused)
        raise PackageError(STRANGE) from None


def _tables(value: object) -> Iterator[dict[str, object]]:
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _tables(child)


def _check_table(table: dict[str, object]) -> None:
    if table.get("use_pickle"):
        raise PackageError(STRANGE)
    if "target" in table and "inputs" in table and not OPERATORS.fullmatch(str(table["target"])):
        raise PackageError("the exported program uses an operator that is not ATen's")
    expression = SYMBOL.sub("s", str(table.get("expr_str", "")))
    if "__" in expression or not ALGEBRA.fullmatch(expression):
        raise PackageError(STRANGE)
