"""The time of expiry is read from any certificate, and a broken one is told."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.intake.certificate import expires_at

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(until: datetime, names: int = 1) -> str:
    """A certificate for so many names, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "shop.example")])
    alternatives = [x509.DNSName(f"{number}.shop.example") for number in range(names)]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(BEGIN)
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    "until",
    [BEGIN + timedelta(seconds=1), datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
     datetime(2050, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)],
)  # fmt: skip
def test_both_forms_of_a_time_are_read(until: datetime) -> None:
    """Certificates write years up to 2049 with two digits, later ones with four."""
    assert expires_at(certificate(until)) == until


def test_a_long_certificate_is_read() -> None:
    """Lengths above 64 KiB take three bytes."""
    until = BEGIN + timedelta(days=90)
    assert expires_at(certificate(until, 4_000)) == until


def test_a_broken_certificate_is_told() -> None:
    """Wherever it is cut, the reader says so, and nothing else."""
    text = certificate(BEGIN)
    der = base64.b64decode("".join(text.splitlines()[1:-1]))
    for end in range(200):
        cut = base64.b64encode(der[:end]).decode()
        with pytest.raises(ValueError):  # noqa: PT011
            expires_at(f"-----BEGIN CERTIFICATE-----\n{cut}\n-----END CERTIFICATE-----\n")
