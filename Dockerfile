# Four images: `app` (web server, sealer, worker, migrate), `proxy`, `pgbouncer` and `clamav`. docker-compose.yml
# builds them. Nothing in them is written to while they run.

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
ENV PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements/production.txt requirements/production.txt
RUN python -m venv --without-pip /venv \
 && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --no-input \
    --require-hashes --only-binary=:all: -r requirements/production.txt
COPY manage.py LICENSE ./
COPY keys keys
COPY ledger ledger
COPY accounts accounts
COPY evidence evidence
COPY claims claims
COPY partners partners
COPY review review
COPY registry registry
COPY templates templates
COPY mandates mandates
# The settings are those of a local run, whose generated secrets stay in a folder of this stage.
RUN /venv/bin/python -m registry.messages compile \
 && REGISTRY_DATA_DIR=/tmp/build /venv/bin/python manage.py collectstatic --noinput \
 && mv /tmp/build/static /static \
 && /venv/bin/python -m compileall -q -j 0 /app /venv

# Debian's own, as it knows prepared statements in transaction mode (1.21 or newer).
FROM debian:trixie-slim AS pgbouncer
RUN apt-get update \
 && apt-get install --yes --no-install-recommends pgbouncer \
 && rm -rf /var/lib/apt/lists/*
COPY deploy/pgbouncer/pgbouncer.ini /etc/registry/pgbouncer.ini
USER 10001:10001
EXPOSE 6432
STOPSIGNAL SIGINT
CMD ["/usr/sbin/pgbouncer", "/etc/registry/pgbouncer.ini"]

# The scanner for malware, and the program that fetches its signatures: none are in the image.
FROM debian:trixie-slim AS clamav
RUN apt-get update \
 && apt-get install --yes --no-install-recommends clamav-daemon clamav-freshclam ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 10001 -g 10001 -m 0755 /var/lib/clamav
COPY deploy/clamav/clamd.conf deploy/clamav/freshclam.conf /etc/registry/
USER 10001:10001
EXPOSE 3310
CMD ["/usr/sbin/clamd", "--config-file=/etc/registry/clamd.conf"]

FROM nginx:1.28-alpine AS proxy
RUN install -d -o 101 -g 101 -m 0700 /var/spool/registry
COPY deploy/nginx/unavailable.html /usr/share/registry/unavailable.html
COPY deploy/nginx/nginx.conf /etc/nginx/nginx.conf
USER 101:101
EXPOSE 8080 8443
STOPSIGNAL SIGQUIT
ENTRYPOINT []
CMD ["nginx"]

FROM python:${PYTHON}-slim AS app
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin registry \
 && install -d -o registry -g registry -m 0755 /data \
 && install -d -o registry -g registry -m 0700 /data/evidence /data/ledger
COPY --from=build /venv /venv
COPY --from=build /static /data/static
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 REGISTRY_DATA_DIR=/data
WORKDIR /app
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "--config", "python:registry.serving", "--bind", "0.0.0.0:8000", "registry.wsgi"]
