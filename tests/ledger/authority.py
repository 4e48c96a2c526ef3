"""Timestamping authorities for tests: real answers by `openssl ts`, also over HTTP, and tokens of any time by
`openssl cms`, which signs whatever it is told to."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from asn1crypto import core, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

POLICY = "1.2.3.4.1"
TIME_STAMPING = (ExtendedKeyUsageOID.TIME_STAMPING,)
DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)

CONFIGURATION = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
signer_cert = {folder}/signer.pem
certs = {folder}/issuer.pem
signer_key = {folder}/signer.key
signer_digest = {signed_with}
default_policy = {policy}
digests = sha256, sha384, sha512, sha3-256, sha3-384, sha3-512
ess_cert_id_alg = sha256
"""


class Issuer:
    """A root, and an issuer under it that issues the authority's certificates."""

    def __init__(self, *, until: datetime = NOW + 9000 * DAY, since: datetime = NOW - 9000 * DAY) -> None:
        self.root_key, self.key = (
            ec.generate_private_key(ec.SECP384R1()),
            ec.generate_private_key(ec.SECP256R1()),
        )
        self.root = certificate("Root", self.root_key, since, until, issues=True)
        self.issuer = certificate(
            "Issuer", self.key, since, until, by=(self.root, self.root_key), issues=True
        )

    @property
    def roots(self) -> list[x509.Certificate]:
        return [self.root]

    @property
    def pem(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)


class Authority:
    def __init__(
        self,
        folder: Path,
        issuer: Issuer,
        *,
        since: datetime = NOW - DAY,
        until: datetime = NOW + 1000 * DAY,
        purposes: tuple[x509.ObjectIdentifier, ...] | None = TIME_STAMPING,
        critical: bool = True,
        key: Any = None,
        signed_with: str = "sha512",
        issuer_sent: x509.Certificate | None = None,
        may_sign: bool = True,
    ) -> None:
        folder.mkdir(parents=True)
        self.folder, self.signed_with = folder, signed_with
        key = key or ec.generate_private_key(ec.SECP256R1())
        self.certificate = certificate(
            "Authority",
            key,
            since,
            until,
            by=(issuer.issuer, issuer.key),
            purposes=purposes,
            critical=critical,
            may_sign=may_sign,
        )
        (folder / "signer.pem").write_bytes(self.certificate.public_bytes(Encoding.PEM))
        (folder / "issuer.pem").write_bytes((issuer_sent or issuer.issuer).public_bytes(Encoding.PEM))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "signer.key").write_bytes(pem)
        (folder / "serial").write_text("01")
        (folder / "tsa.cnf").write_text(
            CONFIGURATION.format(folder=folder, policy=POLICY, signed_with=signed_with)
        )

    def answer(self, query: bytes) -> bytes:
        """An RFC 3161 answer of now."""
        (self.folder / "query").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
        return (self.folder / "reply").read_bytes()

    def token(self, algorithm: str, digest: bytes, at: datetime, **changed: Any) -> bytes:
        """A token that says it was made then; `changed` are other fields of TSTInfo."""
        options = changed.pop("options", ("-cades",))
        content_type = changed.pop("content_type", "1.2.840.113549.1.9.16.1.4")
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": POLICY,
                "message_imprint": {
                    "hash_algorithm": {"algorithm": algorithm.replace("-", "_")},
                    "hashed_message": digest,
                },
                "serial_number": 1,
                "gen_time": core.GeneralizedTime(at),
                **changed,
            }
        )
        (self.folder / "info").write_bytes(info.dump())
        self._openssl(
            "cms",
            "-sign",
            "-binary",
            "-nodetach",
            "-in",
            "info",
            "-outform",
            "DER",
            "-out",
            "token",
            "-econtent_type",
            content_type,
            "-signer",
            "signer.pem",
            "-inkey",
            "signer.key",
            "-certfile",
            "issuer.pem",
            "-md",
            self.signed_with,
            *options,
        )
        return (self.folder / "token").read_bytes()

    def _openssl(self, *arguments: str) -> None:
        done = subprocess.run(["openssl", *arguments], cwd=self.folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()


def certificate(
    name: str,
    key: Any,
    since: datetime,
    until: datetime,
    *,
    by: tuple[x509.Certificate, Any] | None = None,
    issues: bool = False,
    purposes: tuple[x509.ObjectIdentifier, ...] | None = None,
    critical: bool = True,
    may_sign: bool = True,
) -> x509.Certificate:
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuer_key = (by[0].subject, by[1]) if by else (own, key)
    usage = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    usage |= {"key_cert_sign": issues, "digital_signature": may_sign, "key_encipherment": not may_sign}
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(issues, None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
    )
    if purposes is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


# --- Over HTTP ---


class Server:
    """`behave` takes a query and gives the body of the answer, or writes to the handler itself and gives
    None. `asked` holds the headers of each request."""

    def __init__(self, behave: Callable[[bytes], bytes | None]) -> None:
        self.behave = behave
        self.asked: list[dict[str, str]] = []
        self.url = ""
        self.handler: BaseHTTPRequestHandler

    def do(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append({name.lower(): value for name, value in handler.headers.items()})
        self.handler = handler
        body = self.behave(handler.rfile.read(int(handler.headers["Content-Length"])))
        if body is not None:
            handler.send_response(200)
            handler.send_header("Content-Type", "application/timestamp-reply")
            handler.end_headers()
            handler.wfile.write(body)


@contextmanager
def serve(behave: Callable[[bytes], bytes | None]) -> Iterator[Server]:
    server = Server(behave)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                server.do(self)
            except OSError:  # the other side has given up
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        listening.block_on_close = False
        server.url = f"http://127.0.0.1:{listening.server_port}/tsa"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
