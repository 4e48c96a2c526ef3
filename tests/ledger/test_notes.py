"""Signed notes and what stands in them, against the vectors of the specifications, and strictly."""

import base64
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.notes import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteWrong,
    Promise,
    Proof,
    SigningKey,
    VerifierKey,
    cosign,
    open_note,
    sign,
    signatures,
    text_of,
)

C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
GOLDEN_SEED = bytes.fromhex(
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
)  # RFC 8032, test 1
GOLDEN_KEY = "registry.example/claims+6e8ea76a+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
GOLDEN_TEXT = "registry.example/claims\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"
GOLDEN_NOTE = (
    f"{GOLDEN_TEXT}\n— registry.example/claims "
    "bo6naqf1s99AfsbSb5DjTXinE3x6gETme0PdyGKwm2hXTN5yQmz2eym2ZkPeQQs94y0OkJ6+k3hfesTx2sDzyD7c7go=\n"
)
ROOT = bytes.fromhex("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")

unhurried = settings(deadline=None)  # the machine that runs this may have other work


@pytest.fixture(scope="module")
def log() -> SigningKey:
    return SigningKey.generate("registry.example/claims")


@pytest.fixture(scope="module")
def witness() -> SigningKey:
    return SigningKey.generate("witness.example/w1", COSIGNATURE)


def golden_key() -> SigningKey:
    material = base64.b64encode(b"\x01" + GOLDEN_SEED).decode()
    return SigningKey.parse(f"PRIVATE+KEY+registry.example/claims+6e8ea76a+{material}")


def line(name: str, material: bytes) -> str:
    return f"— {name} {base64.b64encode(material).decode()}\n"


# --- Vectors ---


def test_the_example_of_the_specification_opens() -> None:
    opened = open_note(C2SP_NOTE, [VerifierKey.parse(C2SP_KEY)])
    assert opened.text == "This is an example message.\n"
    assert [key.vkey for key in opened.by] == [C2SP_KEY]
    assert opened.cosigned == {}


def test_the_golden_checkpoint_is_signed_byte_for_byte() -> None:
    assert golden_key().verifier.vkey == GOLDEN_KEY
    assert sign(Checkpoint("registry.example/claims", 8, ROOT).text, golden_key()) == GOLDEN_NOTE
    assert Checkpoint.parse(text_of(GOLDEN_NOTE)) == Checkpoint("registry.example/claims", 8, ROOT)


def test_a_cosignature_covers_the_time_and_the_text_as_the_specification_says(witness: SigningKey) -> None:

    [signature] = signatures(f"{GOLDEN_TEXT}\n{cosign(GOLDEN_TEXT, witness, 1679315147)}")
    assert signature.bytes[:8] == (1679315147).to_bytes(8, "big")
    public = Ed25519PublicKey.from_public_bytes(witness.verifier.public)
    public.verify(signature.bytes[8:], b"cosignature/v1\ntime 1679315147\n" + GOLDEN_TEXT.encode())


# --- Keys ---


@pytest.mark.parametrize("type_", [ED25519, COSIGNATURE])
def test_keys_are_read_back_from_their_text(type_: int) -> None:
    key = SigningKey.generate("registry.example/claims", type_)
    assert SigningKey.parse(key.text) == key
    assert VerifierKey.parse(key.verifier.vkey) == key.verifier
    assert key.text.startswith(f"PRIVATE+KEY+registry.example/claims+{key.verifier.key_id.hex()}+")


def test_the_secret_of_a_key_is_not_in_its_repr(log: SigningKey) -> None:
    assert repr(base64.b64decode(log.text.split("+", 4)[4])[1:]) not in repr(log)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/\ud800+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
    ],
)
def test_a_verifier_key_that_is_not_one_is_refused(vkey: str) -> None:
    with pytest.raises(NoteWrong, match=r"\.$"):
        VerifierKey.parse(vkey)


def test_a_private_key_that_is_not_one_is_refused_without_telling_it(log: SigningKey) -> None:
    secret = log.text.split("+", 4)[4]
    for text in (
        log.text.removeprefix("PRIVATE+"),
        log.text[:-4],
        log.text + "\n",
        log.text.replace("registry.", "register."),
        log.verifier.vkey,
        "",
    ):
        with pytest.raises(NoteWrong) as refused:
            SigningKey.parse(text)
        assert secret[:12] not in str(refused.value)


# --- Opening ---


def test_signatures_by_unknown_keys_are_ignored(log: SigningKey, witness: SigningKey) -> None:
    other = SigningKey.generate("other.example")
    namesake = SigningKey.generate("registry.example/claims")
    note = sign(GOLDEN_TEXT, other, namesake, log) + cosign(GOLDEN_TEXT, witness, 5)
    note += line("future.example", b"\0\0\0\0" + bytes(2420)) + line("future.example", b"\0\0\0\1?")
    opened = open_note(note, [log.verifier])
    assert (opened.by, opened.cosigned) == ([log.verifier], {})


def test_a_note_may_be_signed_by_many(log: SigningKey) -> None:
    others = [SigningKey.generate(f"key{number}.example") for number in range(39)]
    opened = open_note(sign("Text.\n", *others, log), [key.verifier for key in (log, *others)])
    assert len(opened.by) == 40


def test_more_signatures_than_anybody_needs_are_refused(log: SigningKey) -> None:
    note = sign("Text.\n", log) + "".join(line(f"key{number}.example", bytes(68)) for number in range(100))
    with pytest.raises(NoteWrong, match="more than 100"):
        open_note(note, [log.verifier])


def test_a_note_that_is_too_long_is_refused(log: SigningKey) -> None:
    with pytest.raises(NoteWrong, match="too long"):
        open_note("a" * 1_000_000 + GOLDEN_NOTE, [log.verifier])


def test_cosignatures_say_when(log: SigningKey, witness: SigningKey) -> None:
    note = sign(GOLDEN_TEXT, log) + cosign(GOLDEN_TEXT, witness, 1679315147)
    opened = open_note(note, [log.verifier, witness.verifier])
    assert (opened.by, opened.cosigned) == ([log.verifier], {witness.verifier: 1679315147})


def test_a_note_that_a_witness_alone_signed_has_no_signer(log: SigningKey, witness: SigningKey) -> None:
    note = GOLDEN_TEXT + "\n" + cosign(GOLDEN_TEXT, witness, 1679315147)
    opened = open_note(note, [log.verifier, witness.verifier])
    assert (opened.by, list(opened.cosigned)) == ([], [witness.verifier])


def test_a_note_without_a_known_signature_is_refused(log: SigningKey) -> None:
    for keys in ([], [VerifierKey.parse(GOLDEN_KEY)]):
        with pytest.raises(NoteWrong, match="known key"):
            open_note(sign(GOLDEN_TEXT, log), keys)


def test_one_bad_signature_by_a_known_key_spoils_the_note(log: SigningKey, witness: SigningKey) -> None:
    keys = [log.verifier, witness.verifier]
    bad_log = line(log.verifier.name, log.verifier.key_id + bytes(64))
    bad_witness = line(witness.verifier.name, witness.verifier.key_id + bytes(72))
    for note in (
        f"{GOLDEN_TEXT}\n{bad_log}{cosign(GOLDEN_TEXT, witness, 5)}",
        sign(GOLDEN_TEXT, log) + bad_witness,
    ):
        with pytest.raises(NoteWrong, match="does not fit"):
            open_note(note, keys)


def test_another_time_than_the_witness_signed_is_refused(witness: SigningKey) -> None:
    [signature] = signatures(f"{GOLDEN_TEXT}\n{cosign(GOLDEN_TEXT, witness, 5)}")
    later = line(signature.name, signature.key_id + (6).to_bytes(8, "big") + signature.bytes[8:])
    with pytest.raises(NoteWrong, match="does not fit"):
        open_note(f"{GOLDEN_TEXT}\n{later}", [witness.verifier])


@pytest.mark.parametrize("length", [1, 8, 63, 64, 71, 73])
def test_a_cosignature_of_another_length_is_refused(witness: SigningKey, length: int) -> None:
    bad = line(witness.verifier.name, witness.verifier.key_id + bytes(length))
    with pytest.raises(NoteWrong, match="not a time"):
        open_note(f"{GOLDEN_TEXT}\n{bad}", [witness.verifier])


def test_two_signatures_by_one_key_are_refused(log: SigningKey, witness: SigningKey) -> None:
    signed = sign(GOLDEN_TEXT, log)
    with pytest.raises(NoteWrong, match="twice"):
        open_note(signed + signed.removeprefix(GOLDEN_TEXT + "\n"), [log.verifier])
    with pytest.raises(NoteWrong, match=r"two signatures by witness\.example/w1"):
        open_note(
            signed + cosign(GOLDEN_TEXT, witness, 5) + cosign(GOLDEN_TEXT, witness, 6),
            [log.verifier, witness.verifier],
        )


def test_a_cosignature_says_nothing_about_what_is_no_checkpoint(witness: SigningKey) -> None:
    with pytest.raises(NoteWrong, match="three lines"):
        cosign("Not a checkpoint.\n", witness, 5)


def test_a_key_signs_only_what_it_is_for(log: SigningKey, witness: SigningKey) -> None:
    with pytest.raises(NoteWrong):
        sign(GOLDEN_TEXT, witness)
    with pytest.raises(NoteWrong):
        sign(GOLDEN_TEXT)
    with pytest.raises(NoteWrong):
        cosign(GOLDEN_TEXT, log, 5)
    for at in (-1, 2**63):
        with pytest.raises(NoteWrong):
            cosign(GOLDEN_TEXT, witness, at)


def test_a_text_may_hold_empty_lines_and_even_signatures(log: SigningKey) -> None:
    inner = C2SP_NOTE + "\n\nAnd more.\n"
    assert open_note(sign(inner, log), [log.verifier]).text == inner


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        GOLDEN_NOTE[:-1],
        GOLDEN_NOTE + "\n",
        GOLDEN_TEXT,
        GOLDEN_TEXT + "\n",
        GOLDEN_TEXT + GOLDEN_NOTE.partition("\n\n")[2],
        GOLDEN_NOTE.replace("\n", "\r\n"),
        GOLDEN_NOTE.replace("\n\n", "\n \n"),
        GOLDEN_NOTE.replace("—", "-"),
        GOLDEN_NOTE.replace("— ", "—"),
        GOLDEN_NOTE.replace("— ", "—  "),
        GOLDEN_NOTE.replace("— registry.example/claims ", "— "),
        GOLDEN_NOTE.replace("claims b", "cl+aims b"),
        GOLDEN_NOTE.replace("claims b", "cl\u2003aims b"),
        GOLDEN_NOTE.replace("claims b", "claims  b"),
        GOLDEN_NOTE.replace("7go=\n", "7go\n"),
        GOLDEN_NOTE.replace("7go=\n", "7gp=\n"),
        GOLDEN_NOTE.replace("7go=\n", "7go=\t\n"),
        GOLDEN_NOTE.replace("7go=\n", "7g-=\n"),
        GOLDEN_NOTE.replace("7go=\n", "7go= \n"),
        GOLDEN_NOTE.replace("7go=\n", "7go==\n"),
        f"{GOLDEN_TEXT}\n— registry.example/claims bo6naq==\n",
        GOLDEN_NOTE.replace("8\n", "8\0\n"),
        GOLDEN_NOTE.replace("8\n", "8\x1f\n"),
        GOLDEN_NOTE.replace("8\n", "8\t\n"),
        GOLDEN_NOTE.replace("8\n", "8\ud800\n"),
        GOLDEN_NOTE.replace("8\n", "9\n", 1),
    ],
)
def test_a_note_written_in_any_other_way_is_refused(note: str) -> None:
    with pytest.raises(NoteWrong, match=r"\.$"):
        open_note(note, [VerifierKey.parse(GOLDEN_KEY)])


@unhurried
@given(st.integers(0, len(GOLDEN_NOTE) - 1), st.characters())
def test_no_changed_character_goes_unnoticed(at: int, other: str) -> None:
    if GOLDEN_NOTE[at] != other:
        with pytest.raises(NoteWrong):
            open_note(GOLDEN_NOTE[:at] + other + GOLDEN_NOTE[at + 1 :], [VerifierKey.parse(GOLDEN_KEY)])


@unhurried
@given(st.text())
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    for read in (text_of, Checkpoint.parse, Proof.parse, Promise.parse, VerifierKey.parse, SigningKey.parse):
        for whole in (text, f"{text}\n", f"{text}\n\n{GOLDEN_NOTE}"):
            with suppress(NoteWrong):
                read(whole)


# --- Checkpoints, proofs, promises ---


def test_extension_lines_are_kept_and_signed() -> None:
    checkpoint = Checkpoint.parse(GOLDEN_TEXT + "one\ntwo words\n")
    assert checkpoint.extensions == ("one", "two words")
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == ("registry.example/claims", 8, ROOT)
    assert checkpoint.text == GOLDEN_TEXT + "one\ntwo words\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOLDEN_TEXT[:-1],
        GOLDEN_TEXT + "\n",
        GOLDEN_TEXT + "\nextension\n",
        GOLDEN_TEXT.removeprefix("registry.example/claims"),
        GOLDEN_TEXT.replace("\n8\n", "\n08\n"),
        GOLDEN_TEXT.replace("\n8\n", "\n+8\n"),
        GOLDEN_TEXT.replace("\n8\n", "\n-8\n"),
        GOLDEN_TEXT.replace("\n8\n", "\n 8\n"),
        GOLDEN_TEXT.replace("\n8\n", "\n٨\n"),
        GOLDEN_TEXT.replace("\n8\n", "\n8.0\n"),
        GOLDEN_TEXT.replace("\n8\n", "\n\n"),
        GOLDEN_TEXT.replace("\n8\n", f"\n{2**63}\n"),
        GOLDEN_TEXT.replace("\n8\n", "\n"),
        GOLDEN_TEXT.replace("Xcna", "Xcn"),
        GOLDEN_TEXT.replace("Xcna", ""),
        GOLDEN_TEXT.replace("Qyg=", "Qyh="),
        GOLDEN_TEXT.replace("Qyg=", "Qyg=="),
        GOLDEN_TEXT.replace("Qyg=", "Qyg"),
    ],
)
def test_a_checkpoint_written_in_any_other_way_is_refused(text: str) -> None:
    with pytest.raises(NoteWrong, match=r"\.$"):
        Checkpoint.parse(text)


@unhurried
@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.none() | st.binary(),
)
def test_a_proof_is_read_back_from_its_text(index: int, hashes: list[bytes], extra: bytes | None) -> None:
    proof = Proof(index, tuple(hashes), GOLDEN_NOTE, extra)
    assert Proof.parse(proof.text) == proof


def test_the_text_of_a_proof() -> None:
    assert Proof(7, (ROOT,), GOLDEN_NOTE).text == (
        f"c2sp.org/tlog-proof@v1\nindex 7\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n{GOLDEN_NOTE}"
    )
    assert (
        Proof(0, (), GOLDEN_NOTE, b"a").text
        == f"c2sp.org/tlog-proof@v1\nextra YQ==\nindex 0\n\n{GOLDEN_NOTE}"
    )


@pytest.mark.parametrize(
    ("of", "to"),
    [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("c2sp.org/tlog-proof@v1\n", ""),
        ("index 7", "index 07"),
        ("index 7", "index -7"),
        ("index 7", "index  7"),
        ("index 7", "Index 7"),
        ("index 7\n", ""),
        ("index 7\n", "index 7\nextra YQ==\n"),
        ("index 7\n", "extra YR==\nindex 7\n"),
        ("index 7\n", "extra\nindex 7\n"),
        ("index 7\n", "extra YQ==\nextra YQ==\nindex 7\n"),
        ("index 7\n", "index 7\nindex 7\n"),
        ("index 7\n", "index 7\nYQ==\n"),
        ("index 7\n", "index 7\n" + "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n" * 63),
        ("\n\n", "\n"),
        ("\n", "\r\n"),
        ("\n8\n", "\n08\n"),
        ("7go=\n", "7go="),
    ],
)
def test_a_proof_written_in_any_other_way_is_refused(of: str, to: str) -> None:
    text = Proof(7, (ROOT,), GOLDEN_NOTE).text
    assert of in text
    with pytest.raises(NoteWrong, match=r"\.$"):
        Proof.parse(text.replace(of, to))


def test_the_text_of_a_promise() -> None:
    promise = Promise("registry.example/claims", ROOT, 1700000000)
    assert promise.text == (
        "registry-promise/1\nregistry.example/claims\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n1700000000\n"
    )
    assert Promise.parse(promise.text) == promise


@pytest.mark.parametrize(
    ("of", "to"),
    [
        ("registry-promise/1", "registry-promise/2"),
        ("registry.example/claims", ""),
        ("Xcna", "Xcn"),
        ("1700000000\n", "01700000000\n"),
        ("1700000000\n", "-1\n"),
        ("1700000000\n", "1700000000"),
        ("1700000000\n", "1700000000\nmore\n"),
        ("1700000000\n", "1700000000\n\n"),
    ],
)
def test_a_promise_written_in_any_other_way_is_refused(of: str, to: str) -> None:
    text = Promise("registry.example/claims", ROOT, 1700000000).text
    assert of in text
    with pytest.raises(NoteWrong, match=r"\.$"):
        Promise.parse(text.replace(of, to))


def test_a_promise_is_no_checkpoint_and_a_checkpoint_no_promise() -> None:
    with pytest.raises(NoteWrong):
        Checkpoint.parse(Promise("registry.example/claims", ROOT, 1700000000).text)
    with pytest.raises(NoteWrong):
        Promise.parse(GOLDEN_TEXT)
