"""The real settings in a throwaway data folder, without the redirect to https and with quick passwords."""

import os
import tempfile

_OF_THE_MACHINE = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REGISTRY_DEMO",
    "ALLOWED_HOSTS",
    "EMAIL_URL",
    "MANDATE",
)
for _name in (*_OF_THE_MACHINE, "CLAMD_URL"):
    os.environ.pop(_name, None)
os.environ["REGISTRY_DATA_DIR"] = tempfile.mkdtemp(prefix="registry-tests-")

from registry.settings import *  # noqa: E402, F403

ALLOWED_HOSTS = ["testserver"]
SECURE_SSL_REDIRECT = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
STATIC_ROOT.mkdir()  # noqa: F405 - whitenoise warns when there is no folder
