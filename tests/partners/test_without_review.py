"""The process that partners talk to needs nothing of `review`, not even to read its tables."""

import pytest
from django.db import connections

from tests import make
from tests.conftest import database_urls, run_manage

PULL = """
import json
from django.conf import settings
from django.test import Client
from urllib.parse import urlencode
from ledger.log import SYSTEM
from partners import agreements
settings.ALLOWED_HOSTS = ["testserver"]
partner = agreements.create("Ministry", terms=agreements.DEMO_TERMS, by=SYSTEM)
client_id, secret = agreements.add_application(partner, scopes=["claims:read"], by=SYSTEM)
form = {"grant_type": "client_credentials", "scope": "claims:read"}
form |= {"client_id": client_id, "client_secret": secret}
program, form_type = Client(), "application/x-www-form-urlencoded"
answer = program.post("/api/v1/oauth/token", urlencode(form), content_type=form_type)
bearer = {"authorization": "Bearer " + answer.json()["access_token"]}
claims = program.get("/api/v1/claims", headers=bearer).json()["results"]
print("pulled", [claim["number"] for claim in claims])
print("changes", program.get("/api/v1/changes", headers=bearer).status_code)
print("desk", program.get("/admin/review/").status_code)
"""


@pytest.mark.committing
def test_partners_are_served_by_a_process_that_may_not_read_what_review_keeps(clones, own_database):
    claim = make.recorded()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'review\\_%%'", [])
        tables = [name for (name,) in cursor.fetchall()]
        assert tables
        for table in tables:
            cursor.execute(f"REVOKE ALL ON {table} FROM registry_app")
    environment = database_urls(own_database, clones.facts) | {"REVIEW": "0", "LOG_LEVEL": "WARNING"}
    said = run_manage("shell", "-c", PULL, env=environment).splitlines()
    assert said[-3:] == [f"pulled ['{claim.number}']", "changes 200", "desk 302"]
