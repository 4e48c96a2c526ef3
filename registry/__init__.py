import os

# What is empty counts as not set. prometheus_client, which reads this one itself when it is imported, would
# take "" for the current folder, and fill it with its files.
if not os.environ.get("PROMETHEUS_MULTIPROC_DIR", "").strip():
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
