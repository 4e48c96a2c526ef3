"""All settings. What differs between places comes from the environment and is read strictly:
a wrong value stops the start with a sentence (docs/operations.md lists every variable).

Two ways to run: *local* (the demo, or any command on the embedded database), where what is not set has a
default or is generated into the data folder; and on one's own database, where nothing secret has a default.
"""

from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from keys import ring
from ledger import notes
from registry import embedded_postgres, logs
from registry import environment as env

BASE_DIR = env.BASE_DIR
DATA_DIR = env.data_dir()
DEMO = env.boolean("REGISTRY_DEMO", False)
EMBEDDED_DATABASE = not env.is_set("DATABASE_URL")
LOCAL = DEMO or EMBEDDED_DATABASE
MANDATE_DIR = env.path("MANDATE", BASE_DIR / "mandates" / "ukraine")
EVIDENCE_DIR = DATA_DIR / "evidence"
# Whoever receives files must know that somebody scans them: the same for all processes. Off without it.
CLAMD_URL = env.scanner("CLAMD_URL")

DEBUG = False
ROOT_URLCONF = "registry.urls"
WSGI_APPLICATION = "registry.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# A web server for partners alone needs nothing of `review`; its database role may be refused its tables.
REVIEW = env.boolean("REVIEW", True)

INSTALLED_APPS = [
    "registry",
    *(["review"] if REVIEW else []),
    "partners",
    "claims",
    "evidence",
    "accounts",
    "ledger",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "accounts.apps.RegistryAdminConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "oauth2_provider",
]

MIDDLEWARE = [
    "registry.middleware.RequestId",
    "registry.middleware.AccessLog",
    "registry.middleware.SecurityHeaders",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "registry.middleware.Probes",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "registry.middleware.Language",
    "registry.middleware.MandateTime",
    "registry.middleware.ClosedLog",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "registry.context.place",
                "claims.context.register",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database: two roles, so that the web server cannot rewrite what is append-only (architecture.md 3.4) ---

if EMBEDDED_DATABASE:
    DATABASES = embedded_postgres.databases(DATA_DIR)
else:
    DATABASES = {"default": env.database("DATABASE_URL")}
    if env.is_set("DATABASE_OWNER_URL"):
        DATABASES["owner"] = env.database("DATABASE_OWNER_URL")
        if DATABASES["owner"]["USER"] == DATABASES["default"]["USER"]:
            raise ImproperlyConfigured(
                "DATABASE_URL and DATABASE_OWNER_URL name the same role. The web server's role must not own "
                "the tables: docs/operations.md shows how to create the two roles."
            )

CACHE_TABLE = "registry_cache"  # unlogged, made by `manage.py migrate`; shared by all processes
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": CACHE_TABLE,
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}

# --- Secrets ---

SECRET_KEY = env.secret("SECRET_KEY", env.generated(DATA_DIR / "secret-key") if LOCAL else None)
REGISTRY_KEYS = ring.check(
    env.secret("REGISTRY_KEYS", env.generated(DATA_DIR / "keys", prefix="local:") if LOCAL else None)
)

# --- The log: in whose name checkpoints are signed, and by which keys (docs/ledger.md) ---

LEDGER_DIR = DATA_DIR / "ledger"
LEDGER_ORIGIN = env.key_name("LEDGER_ORIGIN", "registry.local/claims" if LOCAL else None)
# The key itself is for the sealer alone: the others need its public half.
LEDGER_KEY = env.signing_key(
    "LEDGER_KEY",
    env.secret("LEDGER_KEY", env.generated(LEDGER_DIR / "key") if LOCAL else ""),
    of=LEDGER_ORIGIN,
)
LEDGER_VKEY = env.verifier_key(
    "LEDGER_VKEY",
    env.secret("LEDGER_VKEY", notes.SigningKey.parse(LEDGER_KEY).verifier.vkey if LEDGER_KEY else None),
    of=LEDGER_ORIGIN,
)
if LEDGER_KEY and notes.SigningKey.parse(LEDGER_KEY).verifier.vkey != LEDGER_VKEY:
    raise ImproperlyConfigured(
        "LEDGER_VKEY is not the public half of LEDGER_KEY. LEDGER_KEY alone is enough."
    )
# Those that signed before, of checkpoints and of promises.
LEDGER_OLD_VKEYS = [
    env.verifier_key(
        "LEDGER_OLD_VKEYS",
        vkey,
        of=f"{LEDGER_ORIGIN}/promises" if vkey.startswith(f"{LEDGER_ORIGIN}/promises+") else LEDGER_ORIGIN,
    )
    for vkey in env.words("LEDGER_OLD_VKEYS", ())
]
# What is handed in is promised to be in the log within this time, by a key of its own.
LEDGER_PROMISE_KEY = env.signing_key(
    "LEDGER_PROMISE_KEY",
    env.secret("LEDGER_PROMISE_KEY", env.generated(LEDGER_DIR / "promise-key") if LOCAL else None),
    of=f"{LEDGER_ORIGIN}/promises",
)
LEDGER_PROMISE_SECONDS = env.integer("LEDGER_PROMISE_SECONDS", 3600, least=60, most=30 * 24 * 3600)
LEDGER_WITNESSES = env.witnesses("LEDGER_WITNESSES", env.kept(LEDGER_DIR / "witnesses") if LOCAL else "")
# What was signed last, kept outside the database, so that a database of yesterday is noticed.
LEDGER_MEMORY = env.path("LEDGER_MEMORY", LEDGER_DIR / "last-checkpoint")

# Time from outside: who stamps checkpoints (RFC 3161), and when that is renewed. Off without an address.
LEDGER_TSA_URL = env.authority("LEDGER_TSA_URL")
LEDGER_TSA_ROOTS = env.certificates("LEDGER_TSA_ROOTS")
LEDGER_TSA_POLICY = env.text("LEDGER_TSA_POLICY", "")
LEDGER_STAMP_HOURS = env.integer("LEDGER_STAMP_HOURS", 24, least=1, most=168)
LEDGER_STAMP_HASH = env.choice(
    "LEDGER_STAMP_HASH", "sha256", ("sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512")
)
LEDGER_STAMP_RENEW_DAYS = env.integer("LEDGER_STAMP_RENEW_DAYS", 90, least=1, most=3650)
LEDGER_STAMP_AGEING = env.words("LEDGER_STAMP_AGEING", ())
if LEDGER_TSA_URL and LEDGER_TSA_ROOTS is None:
    raise ImproperlyConfigured(
        "LEDGER_TSA_URL is set and LEDGER_TSA_ROOTS is not: a stamp is kept only when it was verified. Name "
        "the file with the authority's root certificates."
    )
if LEDGER_STAMP_HASH in LEDGER_STAMP_AGEING:
    raise ImproperlyConfigured(
        "LEDGER_STAMP_HASH is in LEDGER_STAMP_AGEING: choose another one to stamp with."
    )

# --- HTTP ---

ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", env.LOOPBACK)
if DEMO and not set(ALLOWED_HOSTS) <= set(env.LOOPBACK):
    raise ImproperlyConfigured(
        "REGISTRY_DEMO is on, so passwords and mail are open to everyone: ALLOWED_HOSTS may then hold only "
        f"{', '.join(env.LOOPBACK)}. Remove REGISTRY_DEMO to serve other people."
    )

SECURE_SSL_REDIRECT = not DEMO
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked by load balancers, without TLS
BEHIND_TLS_PROXY = env.boolean("BEHIND_TLS_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS_PROXY else None
SECURE_HSTS_SECONDS = 0 if DEMO else env.integer("HSTS_SECONDS", 365 * 24 * 3600, least=0, most=10**9)
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEMO
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0, least=0, most=10)
# Only a proxy of ours may name a request: others could make their lines look like somebody else's.
PROXY_NAMES_REQUESTS = BEHIND_TLS_PROXY or TRUSTED_PROXIES > 0
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # to preload HSTS is for the owner of the domain to promise

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not DEMO
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600

# Files come in through evidence alone, which has its own handler. Elsewhere a large file is read and dropped.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 3000
DATA_UPLOAD_MAX_NUMBER_FILES = 20

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "registry" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Languages and time ---

LANGUAGE_CODE = "uk"
LANGUAGES = [("uk", "Українська"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "registry" / "locale"]
FORMAT_MODULE_PATH = ["registry.formats"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
TIME_ZONE = "UTC"  # dates are judged in the mandate's own time zone, not in this one
USE_TZ = True

# --- Mail ---

globals().update(env.mail("EMAIL_URL", f"file://{DATA_DIR / 'mail'}" if LOCAL else None))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "registry@localhost")
# Where links in mail lead: the worker sends mail, and has no request to learn it from.
SITE_URL = env.text(
    "SITE_URL", f"http://127.0.0.1:{env.integer('PORT', 8000, least=1, most=65535)}" if LOCAL else None
).rstrip("/")

# --- People (this section belongs to `accounts`) ---

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.RolesBackend"]
SILENCED_SYSTEM_CHECKS += ["auth.W004"]  # unique ignoring case: user_email_unique_ignoring_case
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email",)},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = reverse_lazy("claims:list")
SESSION_EXPIRE_AT_BROWSER_CLOSE = True  # the next person at a shared computer is somebody else

ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True  # only in the browser that signed up
ACCOUNT_RATE_LIMITS = {
    "login_failed": "10/m/ip,5/5m/key",  # key: address and place (accounts.adapters); person, for codes
    "login_failed_anywhere": "20/5m/key",  # key: address
}
ACCOUNT_LOGIN_TIMEOUT = 3600  # mail can be slow; after that one signs in by password
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_CHANGE_EMAIL = True  # one address a person; a new one counts once it is confirmed
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_FORMS = {
    "login": "accounts.forms.SignInForm",
    "signup": "accounts.forms.SignUpForm",
    "reset_password": "accounts.forms.ForgottenPasswordForm",
    "reset_password_from_key": "accounts.forms.NewPasswordForm",
    "change_password": "accounts.forms.ChangePasswordForm",
    "add_email": "accounts.forms.ChangeEmailForm",
    "reauthenticate": "accounts.forms.PasswordAgainForm",
}
MFA_ADAPTER = "accounts.adapters.SecondFactorAdapter"
MFA_TOTP_TOLERANCE = 1  # 30 seconds either way: phones' clocks are not exact
MFA_FORMS = {
    "authenticate": "accounts.forms.CodeForm",
    "reauthenticate": "accounts.forms.CodeAgainForm",
    "activate_totp": "accounts.forms.FirstCodeForm",
}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

# --- End of the section of `accounts` ---

# --- Partner systems (this section belongs to `partners`) ---

OAUTH2_PROVIDER_APPLICATION_MODEL = "partners.Application"
OAUTH2_PROVIDER = {
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",  # client credentials and nothing else
    "OAUTH2_VALIDATOR_CLASS": "partners.tokens.Validator",
    "SCOPES_BACKEND_CLASS": "partners.tokens.GrantedScopes",
    "ACCESS_TOKEN_GENERATOR": "partners.tokens.new_secret",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    # Tokens are kept as digests. The other flags and values shut what we do not serve in any case.
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["partners.api.authentication.Bearer"],
    "DEFAULT_PERMISSION_CLASSES": ["partners.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is not served: /api/v1/schema says everything
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "partners.api.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # no ?format=
}

SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Damage claims registry",
    "DESCRIPTION": (
        "What partner systems of the register pull. Times are RFC 3339 in UTC, names snake_case, money "
        '`{"amount": "1234.50", "currency": "EUR"}`, partial dates `2022`, `2022-03` or `2022-03-07`. '
        "Errors are `application/problem+json` (RFC 9457)."
    ),
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SORT_OPERATIONS": "partners.api.schema.in_order",
    "SORT_OPERATION_PARAMETERS": False,
    "POSTPROCESSING_HOOKS": ["partners.api.schema.complete"],
    "DISABLE_DOCSTRING_DESCRIPTIONS": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENFORCE_NON_BLANK_FIELDS": True,
    "TAGS": [
        {"name": "Access", "description": "How a program of yours gets in."},
        {"name": "Categories", "description": "What can be claimed. Public."},
        {"name": "Statistics", "description": "How many claims there are. Public."},
        {"name": "Claims", "description": "What your agreement covers."},
        {
            "name": "Ledger",
            "description": "What the register has written, for everybody to check. Public, save the entries.",
        },
        {"name": "Description", "description": "What you are reading, for machines."},
    ],
}

# --- End of the section of `partners` ---

# --- Logs: to standard error, without personal data; nothing is ever mailed to administrators ---

LOG_FORMAT = env.choice("LOG_FORMAT", "text" if LOCAL else "json", logs.FORMATS)
LOGGING = logs.configuration(LOG_FORMAT, env.choice("LOG_LEVEL", "info", logs.LEVELS).upper())
# A file whose time sealer and worker renew at each turn, for health checks: one for each process.
HEARTBEAT_FILE = env.path("HEARTBEAT_FILE", DATA_DIR) if env.is_set("HEARTBEAT_FILE") else None

# --- Metrics for Prometheus: served by the worker, on a port of their own; 0 is off ---

METRICS_PORT = env.integer("METRICS_PORT", 0, least=0, most=65535)
METRICS_HOST = env.text("METRICS_HOST", "127.0.0.1")
