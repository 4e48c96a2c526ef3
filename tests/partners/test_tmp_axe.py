import shutil
from dataclasses import replace
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from pytest_django.live_server_helper import LiveServer
from django.test import Client
from django.urls import reverse
from accounts.roles import Role
from ledger.log import SYSTEM
from partners import agreements
from tests import make
from tests.journeys.conftest import FLAGS
from tests.journeys.test_accessibility import RULES
from tests.partners.conftest import Program

@pytest.mark.committing
@pytest.mark.parametrize("language", ["en", "uk"])
def test_axe(own_database, settings, partner, tmp_path, language):
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    settings.DEMO = True
    settings.SESSION_COOKIE_SECURE = False
    p = partner()
    prog = Program(p, "claims:read"); Program(p, "")
    from partners.models import Application
    agreements.revoke_application(Application.objects.get(client_id=prog.client_id), by=SYSTEM)
    prog = Program(p, "claims:read")
    c = Client(); c.force_login(make.user("mariia", Role.REGISTER_MANAGER))
    sid = c.cookies["sessionid"].value
    server = LiveServer("localhost")
    faults = []
    urls = [reverse("admin:index"), reverse("admin:partners_partner_changelist")] + [reverse(f"admin:partners_partner_{n}", args=[p.public_id]) + f"?client={prog.client_id}" for n in ("change","terms","activity","credentials","revoke")]
    try:
        with sync_playwright() as pw:
            b = pw.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            ctx = b.new_context(locale=language, base_url=server.url, extra_http_headers={"accept-language": language})
            ctx.add_cookies([{"name":"sessionid","value":sid,"url":server.url}])
            page = ctx.new_page()
            page.on("console", lambda m: faults.append(f"console {m.text}") if m.type in ("error","warning") else None)
            def look(name):
                for scheme in ("light","dark"):
                    page.emulate_media(color_scheme=scheme)
                    for f in Axe().run(page, options=RULES).response["violations"]:
                        faults.append((page.url, scheme, f["id"], [n["html"] for n in f["nodes"]][:4]))
                page.emulate_media(color_scheme="light")
                page.screenshot(path=f"/tmp/i4/shot-{language}-{name}.png", full_page=True)
            for n,u in enumerate(urls):
                page.goto(u); look(str(n))
            page.goto(urls[3]); page.click("button.default"); look("terms2")
            page.goto(urls[5]); page.check("input[name=scopes]"); page.click("button.default"); look("issued")
            page.goto("/api/v1/docs"); look("docs")
            b.close()
    finally:
        server.stop()
    for f in faults: print(f)
    assert not faults
