"""The repository keeps its own rules."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "Makefile",
    "LICENSE",
    ".ci",
    ".gitignore",
    "service",
    "detectors",
    "dashboards",
    "migrations",
    "tests",
    "helm",
}


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [Path(line) for line in listing.stdout.splitlines()]


def test_nothing_lies_beside_the_folders_of_the_design() -> None:
    assert {path.parts[0] for path in tracked()} <= TOP_LEVEL


def test_no_python_file_grows_a_second_idea() -> None:
    long = {str(path): lines for path in tracked() if path.suffix == ".py" and (lines := len((ROOT / path).read_text().splitlines())) > 300}
    assert long == {}


def test_every_named_dependency_says_why_it_is_here() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    names = re.findall(r'^  "([a-z][^"]+)",(.*)$', text.split("[project.scripts]")[0].split("dependencies = [", 1)[1], flags=re.MULTILINE)
    assert [name for name, why in names if not why.strip().startswith("#") and not name.startswith("stepwedge[")] == []
