"""No page, call or task reads a table of many claims from end to end, or more rows than a page may."""

import html
import json
import re
from dataclasses import replace
from datetime import timedelta
from itertools import product
from urllib.parse import urlencode

import pytest
from django.db import connection, transaction
from django.db.models import Count
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from claims import figures, notices, statistics
from claims.models import Category, Claim, State
from ledger import sealing
from ledger.log import SYSTEM
from ledger.models import Leaf
from partners import agreements, feed
from partners.agreements import DEMO_TERMS, OPEN_STATES
from registry import metrics, working
from review import batches
from review.models import Assignment, Batch
from review.views.queue import OLDER, WHOSE
from tests.permissions import test_table as permissions
from tests.permissions import world
from tests.plans import ground, watching

pytestmark = pytest.mark.django_db

QUEUE = reverse("review:queue")
FURTHER = re.compile(r'href="([^"]*(?:after|older)=[^"]*)"')
CATEGORIES = ("", "A3.1", "A2.5")  # the largest, a sensitive one
REGIONS = ("", "UA-63")


def further(answer):
    """The address of the page that follows."""
    found = FURTHER.search(answer.text)
    return html.unescape(found[1]) if found else None


def walk(browser, address, pages=2):
    for _page in range(pages):
        answer = browser.get(address)
        address = further(answer)
        if address is None:
            return
        if address.startswith("?"):
            address = answer.request["PATH_INFO"] + address


# --- The queue ---


@pytest.mark.parametrize("who", ["reviewer", "senior"])
def test_every_sentence_above_the_queue(who, browser):
    staff = browser(who)
    for whose, category, region, older in product(WHOSE, CATEGORIES, REGIONS, OLDER):
        if older in ("", "90"):
            said = {"whose": whose, "category": category, "region": region, "older": older}
            walk(staff, f"{QUEUE}?{urlencode(said)}")


def test_everything():
    pass
