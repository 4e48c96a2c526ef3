"""Stamps of outside time: what is believed of a token, and how a chain of them is carried on."""

import base64
import hashlib
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from ledger import timestamps
from ledger.timestamps import HASHES, Link, Request, TimestampWrong, message_of, verify, verify_chain
from tests.ledger.authority import DAY, NOW, POLICY, Authority, Issuer, certificate, rsa_key

TEXT = b"registry.local/claims\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"
YEAR = 365 * DAY


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: Any, issuer: Issuer) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "own", issuer)


@pytest.fixture
def other(tmp_path: Path, issuer: Issuer) -> Callable[..., Authority]:
    """A further authority, which differs in what is given."""

    def other(by: Issuer = issuer, **differs: Any) -> Authority:
        return Authority(tmp_path / f"authority-{len(list(tmp_path.iterdir()))}", by, **differs)

    return other


def digest(algorithm: str, message: bytes) -> bytes:
    return hashlib.new(algorithm.replace("-", "_"), message).digest()


def stamped(by: Authority, message: bytes = TEXT, algorithm: str = "sha256") -> Link:
    return Link(algorithm, timestamps.token_in(by.answer(Request.over(message, algorithm).der)))


def stamped_at(by: Authority, at: datetime, message: bytes = TEXT, **changed: Any) -> Link:
    return Link("sha256", by.token("sha256", digest("sha256", message), at, **changed))


# --- One stamp ---


def test_a_request_is_what_openssl_reads(tmp_path: Path):
    request = Request.over(TEXT, "sha3-256", policy=POLICY)
    (tmp_path / "query").write_bytes(request.der)
    told = subprocess.run(
        ["openssl", "ts", "-query", "-in", tmp_path / "query", "-text"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Hash Algorithm: sha3-256" in told
    assert "Policy OID: tsa_policy1" in told  # its own name for 1.2.3.4.1
    assert f"Nonce: 0x{request.nonce:016X}" in told
    assert "Certificate required: yes" in told


def test_each_request_has_a_nonce_of_its_own():
    assert Request.over(TEXT, "sha256").nonce != Request.over(TEXT, "sha256").nonce


@pytest.mark.parametrize("algorithm", HASHES)
def test_a_stamp_says_when_the_text_was_there_and_on_what_that_rests(
    algorithm: str, authority: Authority, issuer: Issuer
):
    request = Request.over(TEXT, algorithm)
    link = Link(algorithm, timestamps.token_in(authority.answer(request.der)))
    stamp = verify(TEXT, link, issuer.roots, nonce=request.nonce, policy=POLICY)
    assert abs(datetime.now(UTC) - stamp.at) < timedelta(minutes=1)
    assert stamp.good_until == NOW + 1000 * DAY
    assert stamp.algorithm == algorithm
    expected = {algorithm, "sha256", "sha512", "ecdsa-secp256r1", "ecdsa-secp384r1"}
    assert set(stamp.algorithms) == expected
    assert stamp.policy == POLICY


def test_what_we_keep_verifies_with_openssl_alone(authority: Authority, issuer: Issuer, tmp_path: Path):
    (tmp_path / "token.der").write_bytes(stamped(authority).token)
    (tmp_path / "checkpoint.txt").write_bytes(TEXT)
    (tmp_path / "roots.pem").write_bytes(issuer.pem)
    command = "openssl ts -verify -token_in -in token.der -data checkpoint.txt -CAfile roots.pem"
    told = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Verification: OK" in told.stdout + told.stderr


@pytest.mark.parametrize("kind", ["rsa", "p-521"])
def test_an_authority_may_have_any_usual_key(kind: str, other: Callable[..., Authority], issuer: Issuer):
    key = rsa_key() if kind == "rsa" else ec.generate_private_key(ec.SECP521R1())
    named = {"rsa": "rsa-2048", "p-521": "ecdsa-secp521r1"}[kind]
    assert named in verify(TEXT, stamped_at(other(key=key), NOW), issuer.roots).algorithms


def test_a_signature_may_be_padded_with_pss(other: Callable[..., Authority], issuer: Issuer):
    options = ("-cades", "-keyopt", "rsa_padding_mode:pss")
    link = stamped_at(other(key=rsa_key()), NOW, options=options)
    assert verify(TEXT, link, issuer.roots).at == NOW


def test_an_authority_may_name_itself_by_its_key(authority: Authority, issuer: Issuer):
    assert verify(TEXT, stamped_at(authority, NOW, options=("-cades", "-keyid")), issuer.roots).at == NOW


def test_parts_of_a_second_are_kept(authority: Authority, issuer: Issuer):
    at = NOW.replace(microsecond=250_000)
    assert verify(TEXT, stamped_at(authority, at), issuer.roots).at == at


def test_an_older_stamp_verifies_when_its_certificate_is_over_but_was_good_then(
    other: Callable[..., Authority], issuer: Issuer
):
    old = other(since=NOW - 3 * YEAR, until=NOW - YEAR)
    stamp = verify(TEXT, stamped_at(old, NOW - 2 * YEAR), issuer.roots)
    assert (stamp.at, stamp.good_until) == (NOW - 2 * YEAR, NOW - YEAR)


def test_the_first_certificate_on_the_path_that_ends_counts(tmp_path: Path):
    short = Issuer(until=NOW + 100 * DAY)
    assert verify(TEXT, stamped(Authority(tmp_path / "a", short)), short.roots).good_until == NOW + 100 * DAY


# --- What is not believed ---


def refused(link: Link, roots: list[Any], message: bytes = TEXT, **expected: Any) -> str:
    with pytest.raises(TimestampWrong) as wrong:
        verify(message, link, roots, **expected)
    return str(wrong.value)


def test_a_stamp_for_another_text(authority: Authority, issuer: Issuer):
    assert refused(stamped(authority, b"another"), issuer.roots).startswith("The stamp is for something else")


def test_a_stamp_under_another_algorithm_than_it_is_said_to_be(authority: Authority, issuer: Issuer):
    link = Link("sha256", stamped(authority, algorithm="sha512").token)
    assert refused(link, issuer.roots) == "The stamp's hash algorithm is sha512, not sha256."


def test_an_answer_to_another_request(authority: Authority, issuer: Issuer):
    assert "its nonce is not ours" in refused(stamped(authority), issuer.roots, nonce=1)
    assert "its nonce is not ours" in refused(stamped_at(authority, NOW), issuer.roots, nonce=1)  # has none


def test_a_stamp_under_another_policy(authority: Authority, issuer: Issuer):
    told = refused(stamped(authority), issuer.roots, policy="1.2.3.4.2")
    assert told == "The stamp was made under the policy 1.2.3.4.1, not 1.2.3.4.2."


def test_another_root(authority: Authority):
    told = refused(stamped(authority), Issuer().roots)
    assert told.startswith("The authority's certificate leads to none of the given roots")


def test_no_root(authority: Authority):
    assert refused(stamped(authority), []) == "No root certificate was given to verify the stamp with."


def test_a_certificate_that_was_over(other: Callable[..., Authority], issuer: Issuer):
    expired = other(since=NOW - 3 * DAY, until=NOW - DAY)
    told = refused(stamped(expired), issuer.roots)
    assert told.startswith("The authority's certificate was good from ")
    assert refused(stamped_at(expired, NOW - 4 * DAY), issuer.roots).startswith("The authority's certificate")


def test_a_root_or_issuer_that_was_over(tmp_path: Path):
    over = Issuer(until=NOW - DAY)
    told = refused(stamped(Authority(tmp_path / "a", over)), over.roots)
    assert "certificates that were good at the time of the stamp" in told


@pytest.mark.parametrize(
    ("purposes", "critical"),
    [
        (None, True),
        ((ExtendedKeyUsageOID.CODE_SIGNING,), True),
        ((ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING), True),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), True),
        ((ExtendedKeyUsageOID.TIME_STAMPING,), False),
    ],
)
def test_a_certificate_that_is_not_for_stamping_time_alone_and_critically(
    purposes: Any, critical: bool, other: Callable[..., Authority], issuer: Issuer
):
    wrong = other(purposes=purposes, critical=critical)
    assert "for stamping time" in refused(stamped_at(wrong, NOW), issuer.roots)


def test_a_key_that_may_not_sign(other: Callable[..., Authority], issuer: Issuer):
    assert "leads to none" in refused(stamped_at(other(may_sign=False), NOW), issuer.roots)


def test_an_issuer_that_is_none(other: Callable[..., Authority], issuer: Issuer):
    """The authority's own certificate, used to issue another one."""
    key = ec.generate_private_key(ec.SECP256R1())
    false = Issuer()
    false.issuer = certificate(
        "Authority",
        key,
        NOW - DAY,
        NOW + DAY,
        by=(issuer.issuer, issuer.key),
        purposes=(ExtendedKeyUsageOID.TIME_STAMPING,),
    )
    false.key = key
    assert "leads to none" in refused(stamped_at(other(false), NOW), issuer.roots)


def test_a_token_without_the_certificate_that_signed_it(authority: Authority, issuer: Issuer):
    link = stamped_at(authority, NOW, options=("-cades", "-nocerts"))
    assert "does not hold the certificate" in refused(link, issuer.roots)


def test_a_token_that_does_not_name_its_certificate_under_the_signature(authority: Authority, issuer: Issuer):
    assert "does not name" in refused(stamped_at(authority, NOW, options=()), issuer.roots)


def test_a_token_of_two_signers(authority: Authority, other: Callable[..., Authority], issuer: Issuer):
    second = other().folder
    options = ("-cades", "-signer", f"{second}/signer.pem", "-inkey", f"{second}/signer.key")
    told = refused(stamped_at(authority, NOW, options=options), issuer.roots)
    assert told == "The stamp has 2 signers; one is asked for."


def test_a_critical_extension_that_nobody_knows(authority: Authority, issuer: Issuer):
    extension = {"extn_id": "1.2.3.4.9", "critical": True, "extn_value": b"\x05\x00"}
    link = stamped_at(authority, NOW, extensions=[extension])
    assert refused(link, issuer.roots) == "The stamp has a critical extension that is not known here."


def test_a_signed_text_that_is_no_stamp(authority: Authority, issuer: Issuer):
    link = stamped_at(authority, NOW, content_type="1.2.840.113549.1.7.1")
    assert refused(link, issuer.roots) == "What is signed is no stamp."


def test_what_is_too_long(issuer: Issuer):
    assert (
        refused(Link("sha256", b"0" * 70_000), issuer.roots) == "The stamp has 70000 bytes, more than 65536."
    )


@pytest.mark.parametrize(
    "junk", [b"", b"0", b"\x30\x80", b"<html>no</html>", b"\x30\x03\x02\x01\x00", b"\xff" * 99]
)
def test_junk_is_refused_with_a_sentence(junk: bytes, issuer: Issuer):
    assert "cannot be read" in refused(Link("sha256", junk), issuer.roots)
    with pytest.raises(TimestampWrong):
        timestamps.token_in(junk)


def test_a_refusal_says_why(tmp_path: Path, authority: Authority):
    with pytest.raises(TimestampWrong, match="refused to stamp: it does not stamp under this policy."):
        timestamps.token_in(authority.answer(Request.over(TEXT, "sha256", policy="1.2.3.4.99").der))


def test_no_changed_byte_is_believed(authority: Authority, issuer: Issuer):
    """One bit of every third byte is turned. Bits that nothing is said by may turn: then all that is said
    must be the same."""
    link = stamped(authority)
    said = verify(TEXT, link, issuer.roots)
    turned = random.Random(3161)  # noqa: S311 - the same bits each time
    believed = 0
    for place in range(0, len(link.token), 3):
        changed = bytearray(link.token)
        changed[place] ^= 1 << turned.randrange(8)
        try:
            assert verify(TEXT, Link("sha256", bytes(changed)), issuer.roots) == said
            believed += 1
        except TimestampWrong:
            pass
    assert believed < 20  # versions, and parameters that say nothing


def test_no_cut_or_lengthened_token_is_believed(authority: Authority, issuer: Issuer):
    link = stamped(authority)
    for length in range(0, len(link.token), 7):
        assert refused(Link("sha256", link.token[:length]), issuer.roots)
    assert refused(Link("sha256", link.token + b"\0"), issuer.roots)


# --- A chain of stamps ---


@pytest.fixture
def chain(other: Callable[..., Authority]) -> list[Link]:
    """Stamped six years ago, renewed four and two years ago, when the one before was about to end."""
    links: list[Link] = []
    for start, algorithm in ((-6, "sha256"), (-4, "sha512"), (-2, "sha3-256")):
        by = other(since=NOW + start * YEAR, until=NOW + (start + 3) * YEAR)
        message = message_of(TEXT, [link.token for link in links])
        at = NOW + start * YEAR + DAY
        links.append(Link(algorithm, by.token(algorithm, digest(algorithm, message), at)))
    return links


def test_a_chain_shows_the_first_time_and_holds_until_its_last_link_ends(chain: list[Link], issuer: Issuer):
    stamps = verify_chain(TEXT, chain, issuer.roots, now=NOW)
    assert stamps[0].at == NOW - 6 * YEAR + DAY
    assert stamps[-1].good_until == NOW + YEAR
    assert [stamp.algorithm for stamp in stamps] == ["sha256", "sha512", "sha3-256"]


def test_each_link_of_a_chain_verifies_with_openssl_alone(chain: list[Link], issuer: Issuer, tmp_path: Path):
    (tmp_path / "roots.pem").write_bytes(issuer.pem)
    for place, link in enumerate(chain):
        message = TEXT
        if place:
            parts = [TEXT, *(earlier.token for earlier in chain[:place])]
            lengths = [struct.pack(">Q", len(part)) for part in parts]
            message = b"registry-timestamp-renewal/1\n" + b"".join(map(bytes.__add__, lengths, parts))
        (tmp_path / "token.der").write_bytes(link.token)
        (tmp_path / "message").write_bytes(message)
        at = int(verify(message, link, issuer.roots).at.timestamp())
        command = "openssl ts -verify -token_in -in token.der -data message -CAfile roots.pem -attime"
        told = subprocess.run([*command.split(), str(at)], cwd=tmp_path, capture_output=True, check=True)
        assert b"Verification: OK" in told.stdout + told.stderr


def broken(links: list[Link], roots: list[Any], now: datetime = NOW, **given: Any) -> str:
    with pytest.raises(TimestampWrong) as wrong:
        verify_chain(TEXT, links, roots, now=now, **given)
    return str(wrong.value)


def test_a_renewal_stamps_exactly_the_bytes_that_are_written_down():
    assert message_of(TEXT, []) == TEXT
    assert message_of(b"text\n", [b"one", b"second"]) == (
        b"registry-timestamp-renewal/1\n\0\0\0\0\0\0\0\x05text\n\0\0\0\0\0\0\0\x03one\0\0\0\0\0\0\0\x06second"
    )


def test_a_chain_whose_last_link_has_ended_asks_for_a_newer_receipt(chain: list[Link], issuer: Issuer):
    told = broken(chain, issuer.roots, now=NOW + YEAR + DAY)
    assert told.endswith("has not been renewed here. Ask the register for a newer receipt.")


def test_a_chain_with_a_link_left_out_or_moved(chain: list[Link], issuer: Issuer):
    one, two, three = chain
    assert broken([one, three], issuer.roots).startswith("Stamp 2 of 2: The stamp is for something else")
    assert broken([two, three], issuer.roots).startswith("Stamp 1 of 2: The stamp is for something else")
    assert broken([one, three, two], issuer.roots).startswith("Stamp 2 of 3: The stamp is for something else")
    assert broken([], issuer.roots) == "A chain has 1 to 100 stamps, this one 0."


def test_a_renewal_after_the_one_before_had_ended(other: Callable[..., Authority], issuer: Issuer):
    first = stamped_at(other(since=NOW - 9 * DAY, until=NOW - 2 * DAY), NOW - 3 * DAY)
    late = stamped_at(other(), NOW, message_of(TEXT, [first.token]))
    assert broken([first, late], issuer.roots).startswith(
        f"Stamp 2 of 2 was made {NOW:%Y-%m-%d %H:%M:%S} UTC, but"
    )


def test_a_renewal_that_says_to_be_older_than_what_it_renews(authority: Authority, issuer: Issuer):
    first = stamped_at(authority, NOW)
    early = stamped_at(authority, NOW - timedelta(hours=1), message_of(TEXT, [first.token]))
    assert broken([first, early], issuer.roots).startswith("Stamp 2 of 2 was made")


def test_an_algorithm_that_has_ended_holds_a_chain_that_was_renewed_in_time(
    chain: list[Link], issuer: Issuer
):
    """As in twenty years: the first link's hash is broken, but by then a stronger one had covered it."""
    in_time, too_early = NOW - 3 * YEAR, NOW - 5 * YEAR
    assert verify_chain(TEXT, chain[:2], issuer.roots, now=in_time - DAY, ended={"sha256": in_time})
    told = broken(chain, issuer.roots, ended={"sha256": too_early})
    assert told.startswith("Stamp 2 of 3")


def test_a_stamp_by_an_algorithm_that_had_ended(authority: Authority, issuer: Issuer):
    told = refused(stamped_at(authority, NOW), issuer.roots, ended={"sha256": NOW - DAY})
    assert "rests on an algorithm that was good until" in told


# --- In a receipt ---


def test_links_in_a_receipt_come_back_as_they_were(chain: list[Link]):
    member = timestamps.member_of(chain)
    assert set(member) == {"algorithm", "token", "chain"}
    assert timestamps.links_of(member) == chain
    assert timestamps.links_of(timestamps.member_of(chain[:1])) == chain[:1]


@pytest.mark.parametrize(
    "member",
    [
        None,
        [],
        {},
        {"algorithm": "sha256", "token": "AA=="},
        {"algorithm": "sha256", "token": "AA==", "chain": [], "more": 1},
        {"algorithm": "md5", "token": "AA==", "chain": []},
        {"algorithm": ["sha256"], "token": "AA==", "chain": []},
        {"algorithm": "sha256", "token": "A", "chain": []},
        {"algorithm": "sha256", "token": "A\nA==", "chain": []},
        {"algorithm": "sha256", "token": 7, "chain": []},
        {"algorithm": "sha256", "token": "A" * 200_000, "chain": []},
        {"algorithm": "sha256", "token": "AA==", "chain": {}},
        {"algorithm": "sha256", "token": "AA==", "chain": [{"algorithm": "sha256"}]},
        {"algorithm": "sha256", "token": "AA==", "chain": [None] * 100},
    ],
)
def test_other_shapes_are_refused_with_a_sentence(member: Any):
    with pytest.raises(TimestampWrong, match=r"\.$"):
        timestamps.links_of(member)


def test_roots_are_read_from_pem(issuer: Issuer):
    two = issuer.pem + Issuer().pem
    assert len(timestamps.roots_in(two)) == 2
    damaged = b"-----BEGIN CERTIFICATE-----\n" + base64.b64encode(b"no") + b"\n-----END CERTIFICATE-----\n"
    for pem in (b"", b"nothing", issuer.root.public_bytes(Encoding.DER), damaged):
        with pytest.raises(TimestampWrong, match="is not PEM"):
            timestamps.roots_in(pem)


def test_it_needs_no_django():
    blocked = "import sys; sys.modules['django'] = None; import ledger.timestamps"
    subprocess.run([sys.executable, "-c", blocked], check=True)
