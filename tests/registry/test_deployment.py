"""What is written for machines that tests do not have (containers, systemd, Prometheus) is held against what
can be known of them: schemas, our own commands, settings and metrics."""

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

from registry import embedded_postgres, metrics, web_metrics
from tests.registry.test_settings import PRODUCTION

ROOT = settings.BASE_DIR
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
BY_HAND = {name for name, service in SERVICES.items() if service.get("profiles") == ["by-hand"]}
LONG_LIVED = sorted(set(SERVICES) - {"migrate"} - BY_HAND)
OURS = ("migrate", "web", "sealer", "worker", "verify")
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
GIVEN_BY_HAND = {"email-url", "tls-certificate", "tls-key"}
LOCALE = "SELECT datlocale, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()"
OF_OTHERS = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PATH"}


@cache
def read_by_settings() -> dict[str, str]:
    """The environment variables that the code reads, and by what."""
    code = "".join((ROOT / "registry" / file).read_text() for file in ("settings.py", "serving.py"))
    readers = re.findall(r'env\.(\w+)\(\s*"([A-Z_]+)"', code)
    found = {name: reader for reader, name in readers if reader != "is_set"}
    return found | {"REGISTRY_DATA_DIR": "data_dir", web_metrics.FOLDER: "prometheus_client"}


def assert_known(name: str) -> None:
    reader = read_by_settings().get(name.removesuffix("_FILE"))
    secret = reader in ("secret", "database", "mail", "authority", "witnesses")
    assert name in read_by_settings() or name in OF_OTHERS or (name.endswith("_FILE") and secret), name


def assert_command(words: list[str]) -> None:
    """That `python manage.py x`, `python -m x` and `gunicorn` are what they seem."""
    program, *rest = words
    if Path(program).name == "python":
        if rest[0] == "-m":
            assert importlib.util.find_spec(rest[1]), words
        elif rest[0] != "-c":
            assert rest[0] == "manage.py"
            assert rest[1] in get_commands(), words
    elif Path(program).name == "gunicorn":
        checked = subprocess.run(
            [sys.executable, "-m", "gunicorn", "--check-config", *rest],
            cwd=ROOT,
            env=dict(os.environ) | PRODUCTION | {"DJANGO_SETTINGS_MODULE": "registry.settings"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stderr
    else:
        assert program == "sh"
        assert rest[0] == "-c"
        for part in rest[1].split("&&"):
            assert_command(shlex.split(part))


# --- docker-compose.yml ---


def test_the_compose_file_follows_the_compose_specification():
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
    jsonschema.validate(COMPOSE, schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_restricted(name: str):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert int(service["user"].split(":")[0]) > 0
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


@pytest.mark.parametrize("name", LONG_LIVED)
def test_each_service_is_asked_for_its_health_and_started_again(name: str):
    service = SERVICES[name]
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"


def test_the_database_is_brought_up_to_date_once_before_anything_serves():
    assert SERVICES["migrate"]["restart"] == "no"
    for name in ("web", "sealer", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["proxy"]["depends_on"]["web"] == {"condition": "service_healthy"}


def test_only_the_proxy_is_reached_from_outside_and_the_database_reaches_nothing():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert SERVICES["database"]["networks"] == SERVICES["pgbouncer"]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"] == {"internal": True}
    assert "data" not in SERVICES["proxy"]["networks"]


def test_the_owner_of_the_tables_is_known_to_migrate_alone():
    knows = [name for name, service in SERVICES.items() if "database-owner-url" in service.get("secrets", [])]
    assert knows == ["migrate"]


def test_the_key_of_the_log_is_known_to_the_sealer_alone_and_what_it_signed_is_written_by_it_alone():
    knows = [name for name, service in SERVICES.items() if "ledger-key" in service.get("secrets", [])]
    assert knows == ["sealer"]
    named = [name for name in OURS if "LEDGER_KEY_FILE" in SERVICES[name]["environment"]]
    assert named == ["sealer"]
    mounts = {
        name: volume
        for name, service in SERVICES.items()
        for volume in service.get("volumes", [])
        if volume.startswith("ledger:")
    }
    assert mounts == {"sealer": "ledger:/data/ledger", "verify": "ledger:/data/ledger:ro"}


def test_the_scanner_is_reached_by_the_worker_alone_and_reaches_nothing():
    assert SERVICES["clamav"]["networks"] == ["scanning"]
    assert [name for name in SERVICES if "scanning" in SERVICES[name].get("networks", [])] == [
        "worker",
        "clamav",
    ]
    assert COMPOSE["networks"]["scanning"] == {"internal": True}
    assert "environment" not in SERVICES["clamav"]
    assert SERVICES["clamav"]["volumes"] == ["signatures:/var/lib/clamav:ro"]


def test_every_process_knows_whether_files_are_scanned():
    for name in OURS:
        assert SERVICES[name]["environment"]["CLAMD_URL"] == "${CLAMD_URL-tcp://clamav:3310}"


def test_evidence_is_mounted_where_it_is_read_or_written():
    mounts = {
        name: volume.endswith(":ro")
        for name, service in SERVICES.items()
        for volume in service.get("volumes", [])
        if volume.startswith("evidence:")
    }
    assert mounts == {"web": False, "worker": False, "verify": True}


def test_what_runs_by_hand_does_not_start_with_the_others():
    assert {"verify"} == BY_HAND
    assert all("depends_on" not in SERVICES[name] for name in BY_HAND)
    assert not any(BY_HAND & set(service.get("depends_on", {})) for service in SERVICES.values())


@pytest.mark.parametrize("name", OURS)
def test_every_process_knows_the_same_of_the_log(name: str):
    given = SERVICES[name]["environment"]
    for variable in ("LEDGER_ORIGIN", "LEDGER_OLD_VKEYS", "LEDGER_PROMISE_SECONDS", "LEDGER_WITNESSES"):
        assert given[variable].startswith(f"${{{variable}:"), variable
    assert given["LEDGER_VKEY_FILE"] == "/run/secrets/ledger-vkey"


def test_whoever_asks_for_outside_time_or_verifies_it_knows_the_authority():
    names = ("LEDGER_TSA_URL", "LEDGER_TSA_URL_FILE", "LEDGER_TSA_ROOTS", "LEDGER_TSA_POLICY")
    for service in ("worker", "verify"):
        given = SERVICES[service]["environment"]
        assert {name: given.get(name) for name in names} == {name: f"${{{name}:-}}" for name in names}
        assert "./secrets/authority:/run/authority:ro" in SERVICES[service]["volumes"]
    for service in ("web", "sealer", "migrate"):
        assert not set(names) & set(SERVICES[service]["environment"])


def test_the_data_of_postgresql_18_lie_in_a_volume():
    assert SERVICES["database"]["image"].split(":")[1].split("-")[0] == "18"
    assert "database:/var/lib/postgresql" in SERVICES["database"]["volumes"]  # not .../data, as until 17


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_a_service_is_one_that_settings_read(name: str):
    for variable in SERVICES[name]["environment"]:
        assert_known(variable)


@pytest.mark.parametrize("name", OURS)
def test_every_command_of_a_service_exists(name: str):
    command = SERVICES[name].get("entrypoint", []) + SERVICES[name].get("command", [])
    if command:
        assert_command(command)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_given_the_secrets_that_it_reads(name: str):
    service = SERVICES[name]
    given = set(service.get("secrets", []))
    assert given <= set(COMPOSE["secrets"])
    read = re.findall(r"/run/secrets/([a-z-]+)", json.dumps(service.get("environment", {})))
    config = {"pgbouncer": "pgbouncer/pgbouncer.ini", "proxy": "nginx/nginx.conf"}.get(name)
    if config:
        read += re.findall(r"/run/secrets/([a-z-]+)", (DEPLOY / config).read_text())
    if name == "database":
        read += re.findall(r"/(\w+-password)", (DEPLOY / "postgres" / "roles.sh").read_text())
    assert set(read) == given


def test_variables_that_must_be_given_stand_in_the_example():
    needed = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    example = set(re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(), re.MULTILINE))
    assert needed <= example <= used


def test_the_proxy_is_as_many_processes_on_any_machine_as_its_limits_allow():
    processes = re.search(r"^worker_processes (\d+);", (DEPLOY / "nginx" / "nginx.conf").read_text(), re.M)
    assert processes
    assert int(processes[1]) < SERVICES["proxy"]["deploy"]["resources"]["limits"]["pids"]


def test_the_settings_of_postgresql_keep_people_out_of_its_log():
    said = {word.removeprefix("-c") for word in SERVICES["database"]["command"]}
    ours = embedded_postgres.SETTINGS
    for name in (
        "log_min_error_statement",
        "log_error_verbosity",
        "timezone",
        "log_timezone",
        "max_connections",
    ):
        assert f"{name}={ours[name]}" in said


# --- Secrets ---


def make_secrets(folder: Path) -> str:
    made = subprocess.run(
        [DEPLOY / "make-secrets", folder], capture_output=True, text=True, check=True, cwd=folder.parent
    )
    return made.stdout


def test_the_script_makes_every_secret_that_is_not_given_by_hand(tmp_path: Path):
    said = make_secrets(tmp_path / "secrets")
    made = {path.name for path in (tmp_path / "secrets").iterdir() if path.is_file()}
    needed = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert made == needed - GIVEN_BY_HAND
    for name in GIVEN_BY_HAND:
        assert f"MISSING {tmp_path / 'secrets' / name}" in said
        assert name in (ROOT / "docs" / "operations.md").read_text()
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700


def test_secrets_that_are_there_are_kept(tmp_path: Path):
    make_secrets(tmp_path / "secrets")
    (tmp_path / "secrets" / "authority" / "roots.pem").write_text("given by hand")
    before = contents(tmp_path / "secrets")
    make_secrets(tmp_path / "secrets")
    assert contents(tmp_path / "secrets") == before


def contents(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_for_the_time_authority_can_be_mounted(tmp_path: Path):
    """Docker would make it, closed and root's, where it is missing."""
    make_secrets(tmp_path / "secrets")
    assert (tmp_path / "secrets" / "authority").stat().st_mode & 0o777 == 0o755


def test_the_secrets_are_what_the_settings_want(tmp_path: Path):
    make_secrets(tmp_path / "secrets")
    (tmp_path / "secrets" / "email-url").write_text(PRODUCTION["EMAIL_URL"])
    environment = SERVICES["migrate"]["environment"]
    given = {
        name: value.replace("/run/secrets", str(tmp_path / "secrets")) if name.endswith("_FILE") else "1"
        for name, value in environment.items()
    }
    given |= {
        "ALLOWED_HOSTS": "claims.example.org",
        "SITE_URL": "https://claims.example.org",
        "CLAMD_URL": "tcp://clamav:3310",
        "LOG_LEVEL": "INFO",
        "LEDGER_ORIGIN": "claims.example.org/log",
        "LEDGER_OLD_VKEYS": "",
        "LEDGER_PROMISE_SECONDS": "",
        "LEDGER_WITNESSES": "",
        "DEFAULT_FROM_EMAIL": "registry@claims.example.org",
        "REGISTRY_DATA_DIR": str(tmp_path / "data"),
    }
    checked = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_database_is_made_with_two_roles_as_the_image_would(tmp_path: Path):
    """PostgreSQL's own programs, with the arguments and the script of docker-compose.yml."""
    secrets = tmp_path / "secrets"
    make_secrets(secrets)
    server = embedded_postgres.Server(tmp_path / "data", settings=_settings_of_compose())
    server.start()
    try:
        facts = server.facts()
        with server.connect(embedded_postgres.SUPERUSER, database="postgres") as connection:
            connection.execute(f"DROP DATABASE {embedded_postgres.DATABASE}")
            connection.execute(f"DROP OWNED BY {embedded_postgres.OWNER}")
            connection.execute(f"DROP ROLE {embedded_postgres.OWNER}, {embedded_postgres.APP}")
        environ = {
            "PATH": f"{embedded_postgres.PROGRAMS}:{os.environ['PATH']}",
            "PGHOST": embedded_postgres.HOST,
            "PGPORT": str(facts["port"]),
            "PGPASSWORD": facts["passwords"][embedded_postgres.SUPERUSER],
            "POSTGRES_USER": embedded_postgres.SUPERUSER,
            "SECRETS": str(secrets),
        }
        made = subprocess.run(
            [DEPLOY / "postgres" / "roles.sh"], env=environ, capture_output=True, text=True, check=False
        )
        assert (made.returncode, made.stderr) == (0, "")
        for role, secret in (("registry_owner", "owner-password"), ("registry_app", "app-password")):
            password = (secrets / secret).read_text().strip()
            url = f"postgresql://{role}:{password}@{embedded_postgres.HOST}:{facts['port']}/registry"
            with psycopg.connect(url) as connection:
                assert connection.execute(LOCALE).fetchone() == ("C.UTF-8", "UTF8")
    finally:
        server.stop()


def _settings_of_compose() -> dict[str, str]:
    words = (word.removeprefix("-c").split("=") for word in SERVICES["database"]["command"][1:])
    given = {name: value for name, value in words if not value.startswith("$")}
    return embedded_postgres.SETTINGS | given


# --- Dockerfile ---


def instructions() -> list[list[str]]:
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def copied() -> set[str]:
    sources: set[str] = set()
    for instruction, *words in instructions():
        if instruction == "COPY" and not words[0].startswith("--from"):
            sources |= set(words[:-1])
    return sources


def test_what_the_image_copies_exists_and_is_let_through():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(source == entry or source.startswith(f"{entry}/") for entry in let_through), source
    assert all((ROOT / entry).exists() for entry in let_through)


def test_the_image_holds_all_of_our_code_and_no_tests():
    packages = {Path(p).parent.name for p in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= copied()
    assert {"templates", "mandates", "manage.py"} <= copied()
    assert not {"tests", "benchmarks", ".", "docs"} & copied()


def test_images_are_named_without_a_digest_or_a_host_and_run_as_nobody_special():
    stages: dict[str, str] = {}
    for instruction, *words in instructions():
        if instruction == "FROM":
            image, stage = words[0], words[2]
            assert "@" not in image
            assert "/" not in image
            stages[stage] = ""
        elif instruction == "USER":
            stages[stage] = words[0]
    assert set(stages) == {"build", "pgbouncer", "clamav", "proxy", "app"}
    for service in SERVICES.values():
        if "build" in service:
            assert stages[service["build"]["target"]] == service["user"]


def test_the_image_serves_by_a_command_that_exists():
    [command] = [" ".join(words) for instruction, *words in instructions()[-1:] if instruction == "CMD"]
    assert_command(json.loads(command))


def pins(name: str) -> dict[str, str]:
    found = re.findall(
        r"^([\w.\[\]-]+)==(\S+)", (ROOT / "requirements" / f"{name}.txt").read_text(), re.MULTILINE
    )
    return dict(found)


def test_production_has_the_pins_of_a_local_run_without_the_embedded_database():
    local, production = pins("run"), pins("production")
    assert production.items() <= local.items()
    assert local.items() <= pins("test").items()
    assert set(local) - set(production) == {"embedded-postgres", "fasteners", "platformdirs", "psutil"}


def test_nothing_that_is_served_needs_what_production_lacks(tmp_path: Path):
    blocked = (
        "import sys; sys.modules.update(dict.fromkeys(['embedded_postgres', 'fasteners', 'psutil']));"
        "import registry.wsgi, registry.working, registry.serving, ledger.sealing"
    )
    environ = dict(os.environ) | PRODUCTION | {"DJANGO_SETTINGS_MODULE": "registry.settings"}
    subprocess.run([sys.executable, "-c", blocked], cwd=ROOT, env=environ, check=True)


# --- systemd ---


def directives(unit: Path) -> list[tuple[str, str]]:
    lines = (line.partition("=") for line in unit.read_text().splitlines() if not line.startswith("#"))
    return [(name, value) for name, equals, value in lines if equals]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_hardened_and_knows_only_what_we_read(unit: Path):
    said = directives(unit)
    user = "registry-sealer" if unit.stem == "registry-sealer" else "registry"
    assert {("User", user), ("Group", user)} <= set(said)
    for name, value in (
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
    ):
        assert (name, value) in said
    credentials = {value.partition(":")[0] for name, value in said if name == "LoadCredential"}
    given = dict(value.split("=", 1) for name, value in said if name == "Environment")
    for name, value in given.items():
        assert_known(name)
        if name.endswith("_FILE"):
            assert value.removeprefix("%d/") in credentials
    assert ("database-owner-url" in credentials) == (unit.stem == "registry-migrate")
    assert ("ledger-key" in credentials) == (unit.stem == "registry-sealer")
    example = (DEPLOY / "systemd" / "environment.example").read_text()
    for name in re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE):
        assert_known(name)


def test_what_the_sealer_remembers_lies_where_no_other_unit_comes():
    said = {unit.stem: directives(unit) for unit in UNITS}
    folders = {stem: dict(lines)["StateDirectory"] for stem, lines in said.items()}
    sealer = said.pop("registry-sealer")
    assert folders.pop("registry-sealer") == "registry-sealer"
    assert set(folders.values()) == {"registry"}
    assert {
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("Environment", "REGISTRY_DATA_DIR=/var/lib/registry-sealer"),
    } <= set(sealer)
    assert not any("registry-sealer" in value for lines in said.values() for _name, value in lines)
    assert not any("LEDGER_MEMORY" in value for _name, value in sealer)  # so it lies in that folder


def by_hand(tmp_path: Path, *words: str, units: Path = DEPLOY / "systemd") -> list[str]:
    """What systemd-run would be told."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "systemd-run").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    (programs / "systemd-run").chmod(0o755)
    said = subprocess.run(
        [DEPLOY / "systemd" / "by-hand", *words],
        env={"PATH": f"{programs}:{os.environ['PATH']}", "UNITS": str(units)},
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.splitlines()


def properties(words: list[str]) -> list[str]:
    return [word.removeprefix("--property=") for word in words if word.startswith("--property=")]


def test_a_command_by_hand_has_what_the_sealer_has(tmp_path: Path):
    told = by_hand(tmp_path, "rotate_ledger_key", "--new", "/a b")
    command = told[told.index("--") + 1 :]
    assert_command(command)
    assert command[1:] == ["manage.py", "rotate_ledger_key", "--new", "/a b"]
    given = properties(told)
    names = ("User", "Group", "WorkingDirectory", "EnvironmentFile", "LoadCredential", "Environment", "UMask")
    place = "/run/credentials/registry-by-hand.service"
    assert "--unit=registry-by-hand" in told
    assert given == [
        f"{name}={value.replace('%d', place)}"
        for name, value in directives(DEPLOY / "systemd" / "registry-sealer.service")
        if name in names
    ]
    assert not any("owner" in word for word in told)


def test_nothing_runs_by_hand_where_there_is_no_unit(tmp_path: Path):
    """It would be as root, without the settings."""
    with pytest.raises(subprocess.CalledProcessError):
        by_hand(tmp_path, "sealer", units=tmp_path)


@pytest.mark.parametrize("command", ["close_log", "recover_ledger"])
def test_a_command_by_hand_that_needs_the_owner_is_handed_it(tmp_path: Path, command: str):
    given = properties(by_hand(tmp_path, command))
    place = "/run/credentials/registry-by-hand.service"
    assert "User=registry-sealer" in given
    assert "LoadCredential=database-owner-url:/etc/registry/secrets/database-owner-url" in given
    assert f"Environment=DATABASE_OWNER_URL_FILE={place}/database-owner-url" in given


def test_verifying_by_hand_reads_evidence_and_what_the_sealer_remembers(tmp_path: Path):
    """As root, who gives nobody else's folder to himself: systemd would, for a StateDirectory."""
    given = properties(by_hand(tmp_path, "verify_register", "--evidence"))
    last = dict(line.split("=", 1) for line in given if not line.startswith("Environment="))
    assert (last["User"], last["Group"]) == ("root", "root")
    variables = dict(line.split("=", 2)[1:] for line in given if line.startswith("Environment="))
    assert variables["REGISTRY_DATA_DIR"] == "/var/lib/registry"
    assert variables["LEDGER_MEMORY"] == "/var/lib/registry-sealer/ledger/last-checkpoint"
    assert not any(line.startswith("StateDirectory") for line in given)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_starts_commands_that_exist(unit: Path):
    commands = [value for name, value in directives(unit) if name == "ExecStart"]
    assert commands
    for command in commands:
        assert_command(shlex.split(command))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_units(tmp_path: Path):
    for unit in (*UNITS, DEPLOY / "systemd" / "registry.target"):
        text = unit.read_text().replace("/opt/registry/.venv/bin/python", sys.executable)
        text = text.replace("/opt/registry/.venv/bin/gunicorn", sys.executable).replace(
            "/opt/registry", str(ROOT)
        )
        (tmp_path / unit.name).write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in verified.stderr.splitlines() if "registry" in line]
    assert ours == []


# --- Prometheus, and the documents ---


def known_metrics() -> set[str]:
    names: set[str] = set()
    for question in (metrics.storage_figures, *metrics.QUESTIONS):
        names |= {sample.name for metric in question() for sample in metric.samples} | {
            metric.name for metric in question()
        }
    names |= {"registry_database_up", "registry_worker_task_failures_total", "registry_scans_total"}
    names |= {metric.name for metric in (metrics.LAST_TURN.describe())}
    web = "registry_http_request_duration_seconds"
    return names | {f"{web}_{part}" for part in ("bucket", "count", "sum")} | {web}


@pytest.mark.django_db
def test_alerts_and_documents_name_metrics_that_exist(settings: Any, tmp_path: Path):
    settings.EVIDENCE_DIR = tmp_path
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    known = known_metrics()
    for rule in rules:
        named = set(re.findall(r"\bregistry_\w+", rule["expr"]))
        assert named, rule
        assert named <= known, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
    document = (ROOT / "docs" / "operations.md").read_text()
    told = set(re.findall(r"`(registry_\w+)`", document))
    assert told - {"registry_app", "registry_owner", "registry_partners"} <= known
    for rule in rules:
        assert f"`{rule['alert']}`" in document, rule["alert"]


def test_every_variable_that_is_read_is_in_the_documents():
    table = (ROOT / "docs" / "operations.md").read_text()
    for name in read_by_settings():
        assert f"| `{name}`" in table, name
