"""Codes: what reports call things. Where no public scheme has a word for it, the private one of Stepwedge does.

The scheme 99STEPWEDGE:

operating-point          The probability, as the model gives it, from which on a finding counts as present.
calibrated               The probability of a finding after the calibration that the model version declares.
flag                     Something is plainly wrong with the film; the text is a flag of the prediction, such as `saturated`.
NAME                     A finding to which the model gives no public code, by its name in the model's manifest. A name of more
                         than 16 characters is its first 7, a hyphen and 8 hexadecimal digits of its SHA-256.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from highdicom.sr import CodedConcept

from service.models.manifest import Finding

SCHEME: Final = "99STEPWEDGE"
LONGEST: Final = 16

OPERATING_POINT: Final = CodedConcept("operating-point", SCHEME, "Operating point (probability)")
CALIBRATED: Final = CodedConcept("calibrated", SCHEME, "Calibrated probability")
FLAG: Final = CodedConcept("flag", SCHEME, "Flag on the film")


def concept_of(finding: Finding) -> CodedConcept:
    """The code of a finding: the model's own, else one of the private scheme."""
    if finding.concept is not None:
        return CodedConcept(finding.concept.value, finding.concept.scheme, finding.concept.meaning)
    return CodedConcept(private_value(finding.name), SCHEME, finding.name)


def private_value(name: str) -> str:
    """A name as a code value.

    >>> private_value("opacity"), private_value("enlarged-cardiomediastinum")
    ('opacity', 'enlarge-77c09585')
    """
    return name if len(name) <= LONGEST else f"{name[:7]}-{sha256(name.encode()).hexdigest()[:8]}"
