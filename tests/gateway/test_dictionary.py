"""Our lines of the dictionary are those of the standard, as pydicom has them."""

from __future__ import annotations

import subprocess
import sys

from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR, tag_for_keyword

from service.gateway.dictionary import CHARSETS, DICTIONARY


def test_tags_and_types_are_those_of_the_standard() -> None:
    assert {keyword: (tag_for_keyword(keyword), dictionary_VR(keyword)) for keyword in DICTIONARY} == dict(DICTIONARY)


def test_every_character_set_is_known_by_its_codec() -> None:
    assert dict(CHARSETS) == python_encoding
    for codec in CHARSETS.values():
        assert "a".encode(codec) == b"a"


def test_the_gateway_carries_no_library_that_it_does_not_need() -> None:
    script = "import sys, service.cli.serving; print([name for name in ('pydicom', 'gdcm', 'highdicom', 'scipy.optimize') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
