"""multipart/related: however a body is cut into chunks, the same parts come out; and nothing hostile grows or hangs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.related import MOST_HEADER_BYTES, PartBegins, PartEnds, RelatedReader
from service.errors import InvalidRequestError

Part = tuple[dict[str, str], bytes]
DICOM = {"content-type": "application/dicom"}


def written(parts: Sequence[Part], boundary: bytes, *, preamble: bytes = b"", epilogue: bytes = b"", end: bytes = b"\r\n") -> bytes:
    body = preamble + b"\r\n" if preamble else b""
    for headers, data in parts:
        lines = b"".join(f"{name}: {value}".encode() + end for name, value in headers.items())
        body += b"--" + boundary + end + lines + end + data + b"\r\n"
    return body + b"--" + boundary + b"--\r\n" + epilogue


def read(chunks: Iterable[bytes], boundary: bytes) -> list[Part]:
    reader, found = RelatedReader(boundary), []
    headers: dict[str, str] = {}
    data = bytearray()
    for chunk in chunks:
        for event in reader.feed(chunk):
            if isinstance(event, PartBegins):
                headers, data = dict(event.headers), bytearray()
            elif isinstance(event, PartEnds):
                found.append((headers, bytes(data)))
            else:
                data += event
    reader.finish()
    return found


def cut(body: bytes, seed: int) -> list[bytes]:
    places = sorted(Random(seed).sample(range(len(body)), min(len(body), Random(seed).choice((1, 3, 20, len(body))))))
    return [body[begin:stop] for begin, stop in zip([0, *places], [*places, len(body)], strict=True)]


def test_any_chunking_of_any_body_gives_the_same_parts() -> None:
    tricky = st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"\r\n--", b"\r\n--bound", b"x", b"\0"])).map(b"".join)

    @given(st.lists(st.binary(max_size=60) | tricky, min_size=1, max_size=5), st.sampled_from([b"", b"words"]), st.integers(0, 999))
    def check(bodies: list[bytes], around: bytes, seed: int) -> None:
        parts = [(DICOM, data) for data in bodies]
        body = written(parts, b"boundary'()+_,-./:=? x", preamble=around, epilogue=around)
        assert read(cut(body, seed), b"boundary'()+_,-./:=? x") == parts

    check()


@given(st.binary(max_size=300) | st.lists(st.sampled_from([b"--b", b"--", b"\r\n", b"\n", b"a:b", b" "])).map(b"".join), st.integers(0, 99))
def test_whatever_comes_it_is_read_or_refused(body: bytes, seed: int) -> None:
    try:
        read(cut(body, seed), b"b")
    except InvalidRequestError:
        return


def test_lines_of_headers_may_end_in_a_bare_newline_and_be_folded() -> None:
    body = written([({"Content-Type": "application/dicom;\n transfer-syntax=1.2"}, b"\nfilm\n")], b"b", end=b"\n")
    assert read([body], b"b") == [({"content-type": "application/dicom; transfer-syntax=1.2"}, b"\nfilm\n")]


def test_a_part_without_headers_or_body_is_a_part() -> None:
    assert read([b"--b\r\n\r\n--b  \r\n\r\n\r\n--b--"], b"b") == [({}, b""), ({}, b"")]


def test_a_newline_before_what_looks_like_a_boundary_is_data() -> None:
    assert read([written([(DICOM, b"a\n--b\nc")], b"b")], b"b") == [(DICOM, b"a\n--b\nc")]


@pytest.mark.parametrize(
    "body",
    [b"", b"words", b"--b--", b"--b\r\n\r\nfilm", b"--b\r\n\r\nfilm\r\n--b", b"--bcd\r\n\r\n\r\n--b--", b"--b\r\nno colon\r\n\r\n--b--"],
)
def test_a_body_that_is_not_whole_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        read([body], b"b")


@pytest.mark.parametrize("endless", [b"a", b"a: b\r\n", b"\r"])
def test_endless_headers_are_refused_before_they_are_kept(endless: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        read([b"--b\r\n", *[endless] * (2 * MOST_HEADER_BYTES)], b"b")


@pytest.mark.parametrize("start", [b"", b"--b\r\n\r\n", b"--b"])
def test_nothing_is_kept_of_what_is_passed_on(start: bytes) -> None:
    reader = RelatedReader(b"b")
    list(reader.feed(start))
    for _ in range(100):
        try:
            list(reader.feed(b"\r\n-" * 1000))
        except InvalidRequestError:
            return
        assert len(reader._rest) < 100
