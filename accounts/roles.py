"""Who may do what: roles, and the permissions of each. Only membership is stored (RoleMembership)."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    """The offices of the register. Source: domain rules, 24."""

    CLAIMANT = "claimant", _("Claimant")
    REPRESENTATIVE = "representative", _("Representative")
    INTAKE_OFFICER = "intake_officer", _("Intake officer")
    REVIEWER = "reviewer", _("Reviewer")
    SENIOR_REVIEWER = "senior_reviewer", _("Senior reviewer")
    EXECUTIVE_DIRECTOR = "executive_director", _("Executive director")
    BOARD_MEMBER = "board_member", _("Board member")
    BOARD_SECRETARY = "board_secretary", _("Board secretary")
    REGISTER_MANAGER = "register_manager", _("Register manager")
    DATA_PROTECTION_OFFICER = "data_protection_officer", _("Data-protection officer")
    TRANSLATOR = "translator", _("Translator")
    SUPPORT_AGENT = "support_agent", _("Support agent")
    AUDITOR = "auditor", _("Auditor")


# Everyone who signs in is a claimant; whom somebody represents is decided claim by claim. Neither is granted.
STAFF = frozenset(Role) - {Role.CLAIMANT, Role.REPRESENTATIVE}

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.CLAIMANT: frozenset(),  # their own claims are theirs by `visible_to`, not by permission
    Role.REPRESENTATIVE: frozenset(),
    Role.INTAKE_OFFICER: frozenset({"claims.view_category"}),
    Role.REVIEWER: frozenset({"claims.view_category", "review.review_claims"}),
    Role.SENIOR_REVIEWER: frozenset(
        {"claims.view_category", "claims.view_statistics", "review.review_claims", "review.return_claims"}
    ),
    Role.EXECUTIVE_DIRECTOR: frozenset(
        {
            "accounts.view_user",
            "accounts.change_roles",
            "claims.view_category",
            "claims.view_statistics",
            "claims.carry_out_erasure",
            "partners.view_partner",
            "review.submit_batches",
            "review.give_clearance",
        }
    ),
    Role.BOARD_MEMBER: frozenset({"claims.view_category", "claims.view_statistics", "review.decide_batches"}),
    Role.BOARD_SECRETARY: frozenset(
        {"claims.view_category", "claims.view_statistics", "review.prepare_batches"}
    ),
    Role.REGISTER_MANAGER: frozenset(
        {
            "claims.view_category",
            "claims.change_category",
            "claims.view_statistics",
            "partners.view_partner",
            "partners.manage_partners",
        }
    ),
    Role.DATA_PROTECTION_OFFICER: frozenset(
        {
            "accounts.view_user",
            "claims.view_category",
            "claims.propose_erasure",
            "claims.carry_out_erasure",
            "ledger.view_entry",
        }
    ),
    Role.TRANSLATOR: frozenset({"claims.view_category"}),
    Role.SUPPORT_AGENT: frozenset({"accounts.view_user", "claims.view_category"}),
    Role.AUDITOR: frozenset(
        {
            "accounts.view_user",
            "claims.view_category",
            "claims.view_statistics",
            "ledger.view_entry",
            "partners.view_partner",
            "review.view_batches",
        }
    ),
}
