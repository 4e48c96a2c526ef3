"""One account for each role, with passwords that anyone at this computer may read. For the demo only."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import membership
from accounts.models import User
from accounts.roles import STAFF, Role
from ledger.log import SYSTEM

# Two reviewers, because one proposes what another confirms.
ROLES: dict[str, Role | None] = {
    Role.CLAIMANT.value: None,
    Role.INTAKE_OFFICER.value: Role.INTAKE_OFFICER,
    Role.REVIEWER.value: Role.REVIEWER,
    "reviewer2": Role.REVIEWER,
} | {role.value: role for role in Role if role in STAFF - {Role.INTAKE_OFFICER, Role.REVIEWER}}
SUPERUSER = "superuser"
ADDRESSES = {name: f"{name}@example.org" for name in ROLES} | {SUPERUSER: "emergency@example.org"}


class Command(BaseCommand):
    help = "Make one account for each role and write the passwords to demo-accounts.json in the data folder."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError(
                "Demo accounts exist only in the demo: set REGISTRY_DEMO=1, or use `make run`."
            )
        file = settings.DATA_DIR / "demo-accounts.json"
        if file.exists() and User.objects.filter(email__in=ADDRESSES.values()).count() == len(ADDRESSES):
            self.stdout.write(f"Demo accounts: {file}")
            return
        with transaction.atomic():
            accounts = [make_account(name, email) for name, email in ADDRESSES.items()]
            write(file, accounts)
        for account in accounts:
            self.stdout.write("{role:<24} {email:<38} {password}".format(**account))
        self.stdout.write(f"Shown this once; kept in {file}")


def make_account(name: str, email: str) -> dict[str, str]:
    """A confirmed account with a new password, whether or not it was there before."""
    password = secrets.token_urlsafe(9)
    user = User.objects.with_email(email).first()
    if user is None:
        user = User.objects.create_user(email, is_superuser=name == SUPERUSER)
    user.set_password(password)
    user.save(update_fields=["password"])
    EmailAddress.objects.update_or_create(
        user=user, email=email, defaults={"verified": True, "primary": True}
    )
    role = ROLES.get(name)
    if role and role not in user.roles:
        membership.grant(user, role, by=SYSTEM)
    return {"role": name, "email": email, "password": password}


def write(file: Path, accounts: list[dict[str, str]]) -> None:
    """Readable by its owner alone, from its first byte."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(accounts, stream, indent=2)
    draft.replace(file)
