"""The form of a stored file: what comes back is what went in, or Damaged."""

import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evidence.frames import FRAME_BYTES, TAG_BYTES, Damaged, FrameFile, FrameReader, FrameWriter

FRAME = 32  # small, so that a few hundred bytes have many frames and edges
HEADER_BYTES = 12
SEALED = FRAME + TAG_BYTES
KEY, OTHER_KEY = bytes(range(32)), bytes(32)

plaintexts = st.integers(0, 5 * FRAME + 1).flatmap(lambda size: st.binary(min_size=size, max_size=size))


def seal(plain, *, key=KEY, piece=7, frame_bytes=FRAME):
    out = io.BytesIO()
    writer = FrameWriter(out, key, frame_bytes=frame_bytes)
    for start in range(0, len(plain), piece):
        writer.write(plain[start : start + piece])
    writer.finish()
    return out.getvalue()


def unseal(stored, *, key=KEY):
    return b"".join(FrameReader(io.BytesIO(stored), key).frames())


@given(plain=plaintexts, piece=st.integers(1, 3 * FRAME))
def test_what_was_written_comes_back_however_it_was_cut(plain, piece):
    assert unseal(seal(plain, piece=piece)) == plain


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 2 * FRAME + 1])
def test_the_size_is_known_without_decrypting(size):
    reader = FrameReader(io.BytesIO(seal(bytes(size))), KEY)
    assert (reader.size_bytes, reader.frame_count) == (size, max(1, -(-size // FRAME)))


def test_any_frame_is_read_by_itself():
    plain = bytes(range(100))
    reader = FrameReader(io.BytesIO(seal(plain)), KEY)
    assert [reader.frame(3), reader.frame(1)] == [plain[96:], plain[32:64]]


def test_the_stored_bytes_are_as_documented():
    stored = seal(b"", frame_bytes=FRAME_BYTES)
    assert stored[:HEADER_BYTES] == b"RGEV\x01\x00\x00\x00\x00\x01\x00\x00"
    assert len(stored) == HEADER_BYTES + TAG_BYTES


@given(plain=plaintexts, data=st.data())
def test_a_flipped_bit_anywhere_is_found(plain, data):
    stored = bytearray(seal(plain))
    bit = data.draw(st.integers(0, 8 * len(stored) - 1))
    stored[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Damaged):
        unseal(bytes(stored))


@given(plain=plaintexts, data=st.data())
def test_a_file_cut_short_anywhere_is_found(plain, data):
    stored = seal(plain)
    with pytest.raises(Damaged):
        unseal(stored[: data.draw(st.integers(0, len(stored) - 1))])


@given(plain=plaintexts, more=st.binary(min_size=1, max_size=2 * SEALED))
def test_a_lengthened_file_is_found(plain, more):
    with pytest.raises(Damaged):
        unseal(seal(plain) + more)


@given(plain=st.binary(min_size=3 * FRAME, max_size=6 * FRAME), data=st.data())
def test_frames_that_changed_places_are_found(plain, data):
    stored = seal(plain)
    frames = [stored[start : start + SEALED] for start in range(HEADER_BYTES, len(stored), SEALED)]
    shuffled = data.draw(st.permutations(frames))
    assume(shuffled != frames)
    with pytest.raises(Damaged):
        unseal(stored[:HEADER_BYTES] + b"".join(shuffled))


@given(plain=st.binary(min_size=FRAME + 1, max_size=5 * FRAME), data=st.data())
def test_a_frame_that_was_left_out_is_found(plain, data):
    stored = seal(plain)
    start = HEADER_BYTES + SEALED * data.draw(st.integers(0, (len(stored) - HEADER_BYTES - 1) // SEALED))
    with pytest.raises(Damaged):
        unseal(stored[:start] + stored[start + SEALED :])


def test_a_frame_of_another_file_in_its_place_is_found():
    mine, theirs = seal(bytes(3 * FRAME)), seal(bytes(3 * FRAME), key=OTHER_KEY)
    start = HEADER_BYTES + SEALED
    with pytest.raises(Damaged):
        unseal(mine[:start] + theirs[start : start + SEALED] + mine[start + SEALED :])


def test_another_file_s_key_opens_nothing():
    with pytest.raises(Damaged):
        unseal(seal(b"deed"), key=OTHER_KEY)


@given(stored=st.binary(max_size=200))
def test_anything_else_is_damaged_and_nothing_worse(stored):
    with pytest.raises(Damaged):
        unseal(stored)


@given(
    plain=plaintexts, places=st.lists(st.tuples(st.integers(-10, 200), st.integers(0, 2), st.integers(0, 99)))
)
def test_the_plaintext_can_be_read_and_sought_like_any_file(plain, places):
    like = io.BytesIO(plain)
    with io.BufferedReader(FrameFile(FrameReader(io.BytesIO(seal(plain)), KEY))) as file:
        for offset, whence, length in places:
            begin = {0: 0, 1: like.tell(), 2: len(plain)}[whence]
            if begin + offset < 0:
                with pytest.raises(ValueError, match="before its first byte"):
                    file.seek(offset, whence)
                continue
            assert file.seek(offset, whence) == like.seek(offset, whence)
            assert file.read(length) == like.read(length)


def test_a_damaged_frame_is_found_by_whoever_reads_it_there():
    stored = bytearray(seal(bytes(3 * FRAME)))
    stored[-1] ^= 1
    file = FrameFile(FrameReader(io.BytesIO(stored), KEY))
    assert file.read(FRAME) == bytes(FRAME)
    file.seek(2 * FRAME)
    with pytest.raises(Damaged):
        file.read(1)
