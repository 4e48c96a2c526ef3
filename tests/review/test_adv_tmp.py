"""Scratch."""
import traceback
from datetime import timedelta
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.http import QueryDict
from django.utils import timezone
from accounts.roles import Role
from claims.models import State, Claim
from ledger.log import SYSTEM
from partners import agreements
from partners.agreements import DEMO_TERMS
from review import access
from review.views.queue import Asked
from tests import make
from tests.review.test_review_lists import thousands  # noqa
from tests.review.staffed import browser
from dataclasses import replace

def plan(q):
    return q.explain(analyze=True, buffers=False)

@pytest.mark.committing
def test_plans(thousands, settings):
    settings.DEMO = True
    user = make.staff("iryna", Role.REVIEWER)
    senior = make.staff("senia", Role.SENIOR_REVIEWER)
    print(Claim.objects.count(), list(Claim.objects.values_list("state").distinct()))
    def lists(u, **q):
        d = QueryDict(mutable=True); d.update(q)
        a = Asked(u, d)
        w = a._wanted()
        return a, w
    out = {}
    a, w = lists(user, region="UA26")
    out["free region"] = plan(access.free(access.in_queue(w, user)).filter(state="submitted")[:51])
    a, w = lists(user)
    out["mine"] = plan(access.mine(access.readable_by(w.filter(state="under_review"), user), user)[:51])
    out["to_confirm"] = plan(access.to_confirm(access.readable_by(w.filter(state="under_review"), user), user)[:51])
    a, w = lists(senior)
    out["to_confirm senior"] = plan(access.to_confirm(access.readable_by(w.filter(state="under_review"), senior), senior)[:51])
    a, w = lists(user, older="180")
    out["older"] = plan(access.free(access.in_queue(w, user)).filter(state="submitted")[:51])
    for n, p in out.items():
        print("=====", n); print(p)
    assert 0

@pytest.mark.django_db
def test_ct():
    c = Client()
    try:
        c.generic("POST", "/api/v1/oauth/token", b"x", content_type="application/x-www-form-urlencoded; a*=zzz''b")
    except Exception:
        traceback.print_exc()
    from registry.wsgi import application
    import io
    st = []
    env = {"REQUEST_METHOD": "POST", "PATH_INFO": "/api/v1/oauth/token", "SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.input": io.BytesIO(b""), "wsgi.url_scheme": "http", "CONTENT_TYPE": "text/plain; a*=zzz''b", "wsgi.errors": io.StringIO(), "HTTP_HOST": "localhost"}
    try:
        application(env, lambda s, h, e=None: st.append(s))
    except Exception as e:
        print("WSGI raised", repr(e))
    print(st)
    assert 0

@pytest.mark.django_db
def test_terms_lost(settings):
    settings.DEMO = True
    wide = replace(DEMO_TERMS, sections=("core", "claimant", "place", "loss", "contact"))
    p = agreements.create("M", terms=wide, by=SYSTEM)
    m = browser("roman", Role.REGISTER_MANAGER)
    u = reverse("admin:partners_partner_terms", args=[p.public_id])
    # roman opens the form (wide), adds a state, and reads what it says
    form = {"all_categories": "1", "all_regions": "1", "states": ["recorded", "submitted"], "sections": list(wide.sections)}
    page = m.post(u, form)
    digest = page.context["after"].digest
    # meanwhile a colleague narrows: contact is out
    agreements.change(p, DEMO_TERMS, by=SYSTEM)
    m.post(u, form | {"read": digest})
    assert "contact" not in agreements.current(p).sections
