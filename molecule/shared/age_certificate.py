"""Makes the certificate of a folder anew with its key, valid from and until some days from now.

    age_certificate.py FOLDER FROM UNTIL

Runs on a host, with the library that made the certificate there.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

folder, *days = sys.argv[1:]
certificate, key = Path(folder, "fullchain.pem"), Path(folder, "privkey.pem")
held = x509.load_pem_x509_certificate(certificate.read_bytes())
signer = serialization.load_pem_private_key(key.read_bytes(), None)
# Without a time zone, as the oldest version of the library wants it.
begins, ends = (datetime.utcnow() + timedelta(days=float(day)) for day in days)
made = x509.CertificateBuilder(
    held.issuer, held.subject, held.public_key(), 1, begins, ends, list(held.extensions)
).sign(signer, hashes.SHA256())  # type: ignore[arg-type]
certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
