from claims.models.access import Access
from claims.models.attachment import Attachment
from claims.models.category import Category, CategoryVersion
from claims.models.claim import AidItem, Claim, Draft, PersonCovered, State
from claims.models.claimant import Claimant
from claims.models.consent import Consent
from claims.models.erasure import Erasure, ErasureState, Ground
from claims.models.mandate import MandateVersion
from claims.models.notice import Notice
from claims.models.outcome import Outcome
from claims.models.place import Place
from claims.models.request import InformationRequest
from claims.models.statistics import ClaimCount, MonthCount, Publication
from claims.models.version import Assurance, ClaimVersion, Signature

__all__ = [
    "Access",
    "AidItem",
    "Assurance",
    "Attachment",
    "Category",
    "CategoryVersion",
    "Claim",
    "ClaimCount",
    "ClaimVersion",
    "Claimant",
    "Consent",
    "Draft",
    "Erasure",
    "ErasureState",
    "Ground",
    "InformationRequest",
    "MandateVersion",
    "MonthCount",
    "Notice",
    "Outcome",
    "PersonCovered",
    "Place",
    "Publication",
    "Signature",
    "State",
]
