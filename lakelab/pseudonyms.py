"""The keyed pseudonym that stands for a student outside of the ERP's own tables.

`spark-jobs/extract_students_staging_to_public.py` computes the same value inside Spark; a test compares the two.
"""

from __future__ import annotations

import hashlib
import hmac


def pseudonym(key: str, student_id: int) -> str:
    """HMAC-SHA256 (RFC 2104) of the student number in decimal digits, as 64 hexadecimal digits.

    key: the secret in hexadecimal digits. The same key gives the same pseudonym in every run, so marts can be
    joined; without the key nobody can find a number by trying all of them.
    """
    return hmac.new(bytes.fromhex(key), str(student_id).encode(), hashlib.sha256).hexdigest()
