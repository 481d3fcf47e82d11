"""Whatever a crash or a bad disk leaves of a segment: whole records are read, the rest is recognised, and nothing is made up."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from service.gateway.segment import HEAD, MAGIC, framed, scan

payloads = st.lists(st.one_of(st.binary(max_size=60), st.just(MAGIC), st.just(framed(b"a record in a record"))), max_size=6)


def written(records: list[bytes]) -> bytes:
    return b"".join(framed(record) for record in records)


def read(data: bytes) -> list[bytes]:
    return [record.payload for record in scan(data).records]


@given(payloads)
def test_what_was_written_is_read(records: list[bytes]) -> None:
    found = scan(written(records))
    assert [record.payload for record in found.records] == records
    assert (found.damaged, found.torn) == (0, 0)


def test_a_write_torn_at_any_byte_leaves_the_records_before_it() -> None:
    records = [b"one", b"", b"three " * 20]
    data, ends = written(records), [0]
    for record in records:
        ends.append(ends[-1] + HEAD.size + len(record))
    for length in range(len(data) + 1):
        whole = sum(end <= length for end in ends[1:])
        found = scan(data[:length])
        assert [record.payload for record in found.records] == records[:whole]
        assert (found.damaged, found.torn) == (0, length - ends[whole])


def test_one_flipped_bit_costs_one_record() -> None:
    records = [b"one", b"two two", b"three"]
    data = written(records)
    ends = [sum(HEAD.size + len(record) for record in records[:count]) for count in range(4)]
    for bit in range(8 * len(data)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        hit = next(number for number, (begin, end) in enumerate(pairwise(ends)) if begin <= bit // 8 < end)
        found = scan(bytes(broken))
        assert [record.payload for record in found.records] == [record for number, record in enumerate(records) if number != hit]
        assert found.damaged + found.torn == ends[hit + 1] - ends[hit]


@given(payloads, st.binary(max_size=80), payloads)
def test_garbage_between_records_hides_none_of_them(before: list[bytes], garbage: bytes, after: list[bytes]) -> None:
    found = scan(written(before) + garbage + written(after))
    payloads = [record.payload for record in found.records]
    assert payloads[: len(before)] == before
    assert len(after) == 0 or payloads[-len(after) :] == after


@given(st.binary(max_size=400))
def test_garbage_alone_is_no_record_unless_it_is_one(garbage: bytes) -> None:
    found = scan(garbage)
    assert sum(record.end - record.begin for record in found.records) + found.damaged + found.torn == len(garbage)
    assert all(garbage[record.begin : record.end] == framed(record.payload) for record in found.records)


def test_a_length_that_lies_does_not_swallow_what_follows() -> None:
    lying = HEAD.pack(MAGIC, 1 << 31, 0)
    assert read(lying + framed(b"after")) == [b"after"]
