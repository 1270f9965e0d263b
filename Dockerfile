# syntax=docker/dockerfile:1

# Python packages. The tools that install them stay in this stage.
FROM python:3.13-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /venv
WORKDIR /packages
COPY requirements.txt ./
RUN /venv/bin/python -m pip install --no-deps --require-hashes -r requirements.txt \
    && /venv/bin/python -m pip uninstall -y pip


# PostgreSQL with the newest time zone data of its distribution: laws change more often than images.
FROM postgres:17 AS database
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends --only-upgrade tzdata \
    && rm -rf /var/lib/apt/lists/*


# Deploys sqitch.plan to a database and exits: `docker compose run migrate`.
FROM python:3.13-slim AS migrate
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHON=python
# No pinned versions, so that a build has the security updates of the distribution.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends sqitch libdbd-pg-perl postgresql-client \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /telemedicine
COPY --from=packages /venv /venv
COPY sqitch.conf sqitch.plan ./
COPY scripts/deploy.sh scripts/scram_verifier.pl scripts/
COPY db db
COPY worker worker
USER 65534:65534
CMD ["sh", "scripts/deploy.sh"]


# The API, and the worker: `python -m worker`. The last stage, which a plain `docker build .` builds.
FROM python:3.13-slim AS api
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin telemedicine
WORKDIR /telemedicine
COPY --from=packages /venv /venv
COPY gunicorn.conf.py ./
COPY db/errors.md db/
COPY api api
COPY worker worker
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/ready', timeout=4)"]
CMD ["gunicorn", "-c", "gunicorn.conf.py", "api.app:create_app()"]
