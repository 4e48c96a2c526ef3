"""Time from outside (RFC 3161): an authority's signature over the text of a checkpoint, and the chain of
stamps that carries it on when the authority's certificate or an algorithm ages (docs/ledger.md, "Time").

Pure: no Django, no database, no network. What is wrong is said as a sentence that quotes nothing but names of
algorithms, numbers and times.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    ExtendedKeyUsage,
    ExtensionNotFound,
    KeyUsage,
    load_der_x509_certificate,
    load_pem_x509_certificates,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store
from cryptography.x509.verification import VerificationError as PathNotFound

RENEWAL = b"registry-timestamp-renewal/1\n"
MOST_TOKEN_BYTES = 64 * 1024
MOST_LINKS = 100
LONGEST_PATH = 8

# By the names that our data uses. A new algorithm is a new line here.
HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha3-256": hashes.SHA3_256(),
    "sha3-384": hashes.SHA3_384(),
    "sha3-512": hashes.SHA3_512(),
}

# Algorithms that are no longer good evidence, and from when on: a link that rests on one had to be renewed
# before. Other times can be given to whoever verifies.
ENDED: Mapping[str, datetime] = {}

_REFUSALS = {
    "bad_alg": "it does not take this hash algorithm",
    "bad_request": "it finds the request not permitted or wrong",
    "bad_data_format": "it cannot read the request",
    "time_not_available": "its clock is not available",
    "unaccepted_policy": "it does not stamp under this policy",
    "unaccepted_extensions": "it does not take an extension of the request",
    "add_info_not_available": "it cannot say what was asked for",
    "system_failure": "it has a failure of its own",
}


class TimestampWrong(ValueError):
    """str() is a sentence that says what is wrong."""


@dataclass(frozen=True)
class Link:
    """One stamp of a chain. `token` is the DER of RFC 3161's TimeStampToken, `algorithm` the name of the hash
    under which it stamps."""

    algorithm: str
    token: bytes


@dataclass(frozen=True)
class Stamp:
    """What a link says, once verified. It stands by itself until `good_until`: then a certificate on the path
    from the authority to the root ends, or an algorithm has."""

    at: datetime
    good_until: datetime
    algorithm: str
    algorithms: tuple[str, ...]  # all that it rests on, keys too: "sha256", "rsa-2048", "ecdsa-secp256r1"
    policy: str  # dotted


@dataclass(frozen=True)
class Request:
    algorithm: str
    digest: bytes
    nonce: int
    policy: str | None = None

    @classmethod
    def over(cls, message: bytes, algorithm: str, *, policy: str | None = None) -> "Request":
        return cls(algorithm, _digest(algorithm, message), secrets.randbits(63), policy)

    @property
    def der(self) -> bytes:
        asked: dict[str, Any] = {
            "version": "v1",
            "message_imprint": {
                "hash_algorithm": {"algorithm": self.algorithm.replace("-", "_")},
                "hashed_message": self.digest,
            },
            "nonce": self.nonce,
            "cert_req": True,  # the token must be verifiable when the authority is gone
        }
        if self.policy is not None:
            asked["req_policy"] = self.policy
        return bytes(tsp.TimeStampReq(asked).dump())


# --- One stamp ---


def token_in(response: bytes) -> bytes:
    """The token of an authority's answer, as it was sent. Raises TimestampWrong, also if it refused."""
    try:
        answer = _Answer.load(response, strict=True)
        status = str(answer["status"]["status"].native)
        reasons = answer["status"]["fail_info"].native or ()
        token = answer["time_stamp_token"]
        held = None if isinstance(token, core.Void) else bytes(token.dump())
    except Exception as error:  # the parser fails in many ways, lazily
        raise TimestampWrong("The answer is no RFC 3161 answer: it cannot be read.") from error
    if status not in ("granted", "granted_with_mods"):
        why = [_REFUSALS[reason] for reason in sorted(reasons) if reason in _REFUSALS]
        raise TimestampWrong(f"The authority refused to stamp: {' and '.join(why) or 'it does not say why'}.")
    if held is None:
        raise TimestampWrong("The authority granted a stamp and sent none.")
    return held


def verify(
    message: bytes,
    link: Link,
    roots: Sequence[Certificate],
    *,
    nonce: int | None = None,
    policy: str | None = None,
    ended: Mapping[str, datetime] = ENDED,
) -> Stamp:
    """What the link says of the message. Raises TimestampWrong unless it was signed by an authority whose
    certificate led to one of the roots at the time that the link states."""
    token = _read(link.token)
    if token.imprint_algorithm != link.algorithm:
        raise TimestampWrong(
            f"The stamp's hash algorithm is {token.imprint_algorithm}, not {link.algorithm}."
        )
    if token.imprint != _digest(link.algorithm, message):
        raise TimestampWrong("The stamp is for something else: its digest is not that of this text.")
    if nonce is not None and token.nonce != nonce:
        raise TimestampWrong("The stamp answers another request: its nonce is not ours.")
    if policy is not None and token.policy != policy:
        raise TimestampWrong(f"The stamp was made under the policy {token.policy}, not {policy}.")
    _check_signature(token)
    _check_purpose(token.signer)
    path = _path(token, roots)
    algorithms = {link.algorithm, token.digest_algorithm, token.signature_hash, *map(_key_name, path)}
    for certificate in path[:-1]:  # how the root is signed says nothing: it is trusted as it is
        if certificate.signature_hash_algorithm is not None:
            algorithms.add(certificate.signature_hash_algorithm.name)
    ends = [certificate.not_valid_after_utc for certificate in path]
    good_until = min(ends + [ended[algorithm] for algorithm in algorithms if algorithm in ended])
    if token.at > good_until:
        raise TimestampWrong(
            f"The stamp of {_shown(token.at)} rests on an algorithm that was good until {_shown(good_until)}."
        )
    return Stamp(token.at, good_until, link.algorithm, tuple(sorted(algorithms)), token.policy)


# --- A chain of stamps ---


def message_of(text: bytes, tokens: Sequence[bytes]) -> bytes:
    """What the next link stamps, after these tokens: the text of the checkpoint itself, and in a renewal the
    text and all tokens so far."""
    if not tokens:
        return text
    return RENEWAL + b"".join(len(part).to_bytes(8, "big") + part for part in (text, *tokens))


def verify_chain(
    text: bytes,
    links: Sequence[Link],
    roots: Sequence[Certificate],
    *,
    now: datetime,
    ended: Mapping[str, datetime] = ENDED,
) -> list[Stamp]:
    """What each link says, oldest first: the text existed at the first one's time. Each must have been made
    while the one before it was still good, and the last be good now. Raises TimestampWrong."""
    if not 1 <= len(links) <= MOST_LINKS:
        raise TimestampWrong(f"A chain has 1 to {MOST_LINKS} stamps, this one {len(links)}.")
    stamps: list[Stamp] = []
    for place, link in enumerate(links):
        message = message_of(text, [earlier.token for earlier in links[:place]])
        try:
            stamp = verify(message, link, roots, ended=ended)
        except TimestampWrong as wrong:
            raise TimestampWrong(f"Stamp {place + 1} of {len(links)}: {wrong}") from wrong
        if stamps and not stamps[-1].at <= stamp.at <= stamps[-1].good_until:
            raise TimestampWrong(
                f"Stamp {place + 1} of {len(links)} was made {_shown(stamp.at)}, but the one before it, of "
                f"{_shown(stamps[-1].at)}, was good until {_shown(stamps[-1].good_until)}."
            )
        stamps.append(stamp)
    if now > stamps[-1].good_until:
        raise TimestampWrong(
            f"The newest stamp was good until {_shown(stamps[-1].good_until)} and has not been renewed here. "
            "Ask the register for a newer receipt."
        )
    return stamps


def member_of(links: Sequence[Link]) -> dict[str, Any]:
    """The member `timestamp` of a receipt."""
    first, *renewals = [
        {"algorithm": link.algorithm, "token": base64.b64encode(link.token).decode()} for link in links
    ]
    return {**first, "chain": renewals}


def links_of(member: object) -> list[Link]:
    """The links of such a member. Raises TimestampWrong for any other shape."""
    if not isinstance(member, dict) or set(member) != {"algorithm", "token", "chain"}:
        raise TimestampWrong("A timestamp has the members algorithm, token and chain, and no other.")
    chain = member["chain"]
    if not isinstance(chain, list) or len(chain) >= MOST_LINKS:
        raise TimestampWrong(f"The chain of a timestamp is a list of fewer than {MOST_LINKS} renewals.")
    return [_link({"algorithm": member["algorithm"], "token": member["token"]}), *map(_link, chain)]


def roots_in(pem: bytes) -> list[Certificate]:
    """Raises TimestampWrong if there is none, or one that cannot be read."""
    try:
        return load_pem_x509_certificates(pem)
    except ValueError as error:
        raise TimestampWrong("The file of root certificates is not PEM, or one is damaged.") from error


# --- Small parts ---


class _Answer(core.Sequence):
    """TimeStampResp; the parser's own does not know that a refusal comes without a token."""

    _fields: ClassVar[list[Any]] = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


@dataclass(frozen=True)
class _Token:
    """What we use of a token, read and not yet believed."""

    imprint_algorithm: str
    imprint: bytes
    at: datetime
    nonce: int | None
    policy: str
    info: bytes  # the bytes that are stamped as a whole
    content_type: str
    attributes: bytes  # the DER that is signed; the next three stand in it
    content_types: list[str]
    digests: list[bytes]
    named: tuple[str, bytes] | None  # hash algorithm and digest of the signer's certificate
    digest_algorithm: str
    signature_algorithm: str
    signature_hash: str
    salt_bytes: int
    signature: bytes
    signer: Certificate
    others: list[Certificate]


def _read(token: bytes) -> _Token:
    if len(token) > MOST_TOKEN_BYTES:
        raise TimestampWrong(f"The stamp has {len(token)} bytes, more than {MOST_TOKEN_BYTES}.")
    try:
        return _parsed(token)
    except TimestampWrong:
        raise
    except Exception as error:  # the parser fails in many ways, lazily
        raise TimestampWrong("The stamp is no RFC 3161 token: it cannot be read.") from error


def _parsed(token: bytes) -> _Token:
    signed = cms.ContentInfo.load(token, strict=True)["content"]
    content = signed["encap_content_info"]
    info = bytes(content["content"])
    said = tsp.TSTInfo.load(info, strict=True)
    if said["version"].native != "v1":
        raise TimestampWrong("The stamp has a version that is not 1.")
    if any(extension["critical"].native for extension in said["extensions"]):
        raise TimestampWrong("The stamp has a critical extension that is not known here.")
    if len(signed["signer_infos"]) != 1:
        raise TimestampWrong(f"The stamp has {len(signed['signer_infos'])} signers; one is asked for.")
    [signer] = signed["signer_infos"]
    attributes = signer["signed_attrs"]
    if attributes.native is None:
        raise TimestampWrong("The stamp's signature covers no attributes.")
    values: dict[str, list[Any]] = {}
    for attribute in attributes:
        values.setdefault(attribute["type"].native, []).extend(attribute["values"])
    algorithm = signer["signature_algorithm"]
    digest_algorithm = _name(signer["digest_algorithm"]["algorithm"].native)
    is_plain = algorithm["algorithm"].native in ("rsassa_pkcs1v15", "ecdsa")
    certificates = [choice.chosen for choice in signed["certificates"] if choice.name == "certificate"]
    own = [certificate for certificate in certificates if _is_named(certificate, signer["sid"])]
    if len(own) != 1:
        raise TimestampWrong("The stamp does not hold the certificate of the authority that signed it.")
    return _Token(
        imprint_algorithm=_name(said["message_imprint"]["hash_algorithm"]["algorithm"].native),
        imprint=bytes(said["message_imprint"]["hashed_message"].native),
        at=said["gen_time"].native.astimezone(UTC),
        nonce=said["nonce"].native,
        policy=str(said["policy"].dotted),
        info=info,
        content_type=str(content["content_type"].native),
        # The signature is over a SET OF, which stands in the token under a tag of its own.
        attributes=b"\x31" + bytes(attributes.dump())[1:],
        content_types=[value.native for value in values.get("content_type", ())],
        digests=[value.native for value in values.get("message_digest", ())],
        named=_named(values),
        digest_algorithm=digest_algorithm,
        signature_algorithm=algorithm.signature_algo,
        signature_hash=digest_algorithm if is_plain else _name(algorithm.hash_algo),
        salt_bytes=algorithm["parameters"]["salt_length"].native
        if algorithm.signature_algo == "rsassa_pss"
        else 0,
        signature=bytes(signer["signature"].native),
        signer=load_der_x509_certificate(own[0].dump()),
        others=[load_der_x509_certificate(other.dump()) for other in certificates if other is not own[0]],
    )


def _is_named(certificate: asn1_x509.Certificate, sid: cms.SignerIdentifier) -> bool:
    if sid.name == "subject_key_identifier":
        return bool(certificate.key_identifier == sid.native)
    named = sid.chosen
    return bool(
        certificate.issuer == named["issuer"] and certificate.serial_number == named["serial_number"].native
    )


def _named(values: Mapping[str, list[Any]]) -> tuple[str, bytes] | None:
    """RFC 3161 section 2.4.2, RFC 5816: without it another certificate of the same key would do as well."""
    for value in values.get("signing_certificate_v2", ()):
        first = value["certs"][0]
        return _name(first["hash_algorithm"]["algorithm"].native), first["cert_hash"].native
    for value in values.get("signing_certificate", ()):
        return "sha1", value["certs"][0]["cert_hash"].native
    return None


def _check_signature(token: _Token) -> None:
    if token.content_type != "tst_info":
        raise TimestampWrong("What is signed is no stamp.")
    if token.content_types != ["tst_info"] or token.digests != [_digest(token.digest_algorithm, token.info)]:
        raise TimestampWrong("The stamp was changed: its signature is for another content.")
    if token.named is None or not _is_digest_of(token.signer, *token.named):
        raise TimestampWrong("The stamp does not name, under its signature, the certificate it is sent with.")
    key, algorithm = token.signer.public_key(), HASHES.get(token.signature_hash)
    if algorithm is None:
        raise TimestampWrong("The stamp is signed with a hash algorithm that is not known here.")
    try:
        match token.signature_algorithm, key:
            case "rsassa_pkcs1v15", rsa.RSAPublicKey():
                key.verify(token.signature, token.attributes, padding.PKCS1v15(), algorithm)
            case "rsassa_pss", rsa.RSAPublicKey():
                pss = padding.PSS(padding.MGF1(algorithm), token.salt_bytes)
                key.verify(token.signature, token.attributes, pss, algorithm)
            case "ecdsa", ec.EllipticCurvePublicKey():
                key.verify(token.signature, token.attributes, ec.ECDSA(algorithm))
            case _:
                raise TimestampWrong("The stamp is signed in a way that is not known here.")
    except (InvalidSignature, UnsupportedAlgorithm) as error:
        raise TimestampWrong("The stamp's signature is wrong.") from error


def _is_digest_of(certificate: Certificate, algorithm: str, digest: bytes) -> bool:
    # The older attribute knows SHA-1 alone. It names the certificate; the signature holds by another digest.
    named_by = hashes.SHA1() if algorithm == "sha1" else HASHES.get(algorithm)  # noqa: S303
    return named_by is not None and certificate.fingerprint(named_by) == digest


def _check_purpose(signer: Certificate) -> None:
    try:
        usage = signer.extensions.get_extension_for_class(ExtendedKeyUsage)
    except (ExtensionNotFound, ValueError) as error:
        raise TimestampWrong("The authority's certificate is not for stamping time.") from error
    if list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise TimestampWrong("The authority's certificate is not for stamping time, and for nothing else.")
    if not usage.critical:
        raise TimestampWrong(
            "The authority's certificate says that it is for stamping time, but not critically."
        )


def _path(token: _Token, roots: Sequence[Certificate]) -> list[Certificate]:
    """From the authority's certificate to one of the roots, all of them valid at the time of the stamp."""
    signer = token.signer
    if not signer.not_valid_before_utc <= token.at <= signer.not_valid_after_utc:
        raise TimestampWrong(
            f"The authority's certificate was good from {_shown(signer.not_valid_before_utc)} to "
            f"{_shown(signer.not_valid_after_utc)}; the stamp says {_shown(token.at)}."
        )
    if not roots:
        raise TimestampWrong("No root certificate was given to verify the stamp with.")
    builder = PolicyBuilder().store(Store(list(roots))).time(token.at).max_chain_depth(LONGEST_PATH)
    builder = builder.extension_policies(ca_policy=_FOR_ISSUERS, ee_policy=_FOR_SIGNERS)
    try:
        return builder.build_client_verifier().verify(signer, token.others).chain
    except PathNotFound as error:
        raise TimestampWrong(
            "The authority's certificate leads to none of the given roots by certificates that were good at "
            f"the time of the stamp, {_shown(token.at)}."
        ) from error


def _may_issue(policy: Policy, certificate: Certificate, constraints: BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("not an issuer of certificates")


def _may_sign_certificates(policy: Policy, certificate: Certificate, usage: KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("its key may not sign certificates")


def _may_issue_for_time(policy: Policy, certificate: Certificate, usage: ExtendedKeyUsage | None) -> None:
    if usage is not None and not {
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    } & set(usage):
        raise ValueError("it may not issue certificates for stamping time")


def _may_sign(policy: Policy, certificate: Certificate, usage: KeyUsage | None) -> None:
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise ValueError("its key may not sign")


_FOR_ISSUERS = (
    ExtensionPolicy.permit_all()
    .require_present(BasicConstraints, Criticality.AGNOSTIC, _may_issue)
    .may_be_present(KeyUsage, Criticality.AGNOSTIC, _may_sign_certificates)
    .may_be_present(ExtendedKeyUsage, Criticality.AGNOSTIC, _may_issue_for_time)
)
_FOR_SIGNERS = ExtensionPolicy.permit_all().may_be_present(KeyUsage, Criticality.AGNOSTIC, _may_sign)


def _key_name(certificate: Certificate) -> str:
    match certificate.public_key():
        case rsa.RSAPublicKey() as key:
            return f"rsa-{key.key_size}"
        case ec.EllipticCurvePublicKey() as key:
            return f"ecdsa-{key.curve.name}"
    raise TimestampWrong("A certificate of the authority has a kind of key that is not known here.")


def _digest(algorithm: str, data: bytes) -> bytes:
    if algorithm not in HASHES:
        raise TimestampWrong("The stamp uses a hash algorithm that is not known here.")
    digest = hashes.Hash(HASHES[algorithm])
    digest.update(data)
    return digest.finalize()


def _name(parsers: object) -> str:
    """Our name of a hash algorithm: the parser writes sha3_256."""
    name = str(parsers).replace("_", "-")
    return name if name in HASHES else "unknown"


def _link(value: object) -> Link:
    if not isinstance(value, dict) or set(value) != {"algorithm", "token"}:
        raise TimestampWrong("A stamp has the members algorithm and token, and no other.")
    algorithm, token = value["algorithm"], value["token"]
    if not isinstance(algorithm, str) or algorithm not in HASHES:
        raise TimestampWrong(f"The hash algorithm of a stamp is one of {', '.join(HASHES)}.")
    try:
        if not isinstance(token, str) or len(token) > 2 * MOST_TOKEN_BYTES:
            raise ValueError
        return Link(algorithm, base64.b64decode(token, validate=True))
    except (ValueError, binascii.Error) as error:
        raise TimestampWrong("The token of a stamp is not base64, or too long.") from error


def _shown(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
