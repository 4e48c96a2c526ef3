"""Browsers of staff for the tests of pages, and what pages show."""

import re

from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from claims.models import Access
from tests import make


def browser(name, role, language="en"):
    """A browser in which this person is signed in with this role. The tests run as the demo does: without a
    second factor."""
    client = Client(headers={"accept-language": language})
    client.force_login(make.staff(name, role))
    return client


def reviewer(name="iryna"):
    return browser(name, Role.REVIEWER)


def desk(claim, page="claim", *rest):
    return reverse(f"review:{page}", args=[claim.number, *rest])


def said(page):
    """The page's words, without markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def looks(claim):
    """Who looked at the claim as staff, oldest first: (office, purpose, whether at a file)."""
    rows = Access.objects.filter(claim=claim.public_id).exclude(office="claimant").order_by("at")
    return [(row.office, row.purpose, row.file is not None) for row in rows]
