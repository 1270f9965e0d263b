# One image for the API, the worker and the deployment of the schema, and beside it the database and
# the proxy of docker-compose.yml. docs/deploy.md explains them.
#
# The bases are pinned by digest: `make pin` takes those of the present images of their tags.
ARG PYTHON_IMAGE=python:3.13-slim-trixie@sha256:9662417aace5ae7b8e2609cce472b72a8958e134ba372808abe9cc1a0c0125e6
ARG POSTGRES_IMAGE=postgres:17-trixie@sha256:f4c66b820c6f974249089d3d16d86a3698eae11e8746eb6644b2271031e91232
ARG NGINX_IMAGE=nginx:1.30-trixie@sha256:585d4e63ef9a0c34cbb46fefa3449d16d38bf4a8d3d817e6638962d8b7578696


# Python packages. The tools that install them stay in this stage.
FROM ${PYTHON_IMAGE} AS packages
# requirements-tracing.txt adds what traces need (docs/observability.md).
ARG REQUIREMENTS=requirements.txt
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python3 -m venv /venv
WORKDIR /packages
COPY requirements.txt requirements-tracing.txt ./
RUN /venv/bin/python -m pip install --no-deps --require-hashes --only-binary=:all: \
        -r "$REQUIREMENTS" \
    && /venv/bin/python -m pip uninstall -y pip


# PostgreSQL with the newest time zone data of its distribution: laws change more often than images.
FROM ${POSTGRES_IMAGE} AS database
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends --only-upgrade tzdata \
    && rm -rf /var/lib/apt/lists/*


# nginx in front of the API: TLS, limits, several instances.
FROM ${NGINX_IMAGE} AS proxy
# A new volume gets the owner of the folder.
RUN install -d -o 101 -g 101 -m 700 /certificates
COPY deploy/nginx /etc/telemedicine
USER 101:101
EXPOSE 8000 8443
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:8081/"]
ENTRYPOINT ["sh", "/etc/telemedicine/start.sh"]
CMD []


# The last stage, which a plain `docker build .` builds:
#   the API         the default command
#   the worker      python -m worker
#   the deployment  sh scripts/deploy.sh
FROM ${PYTHON_IMAGE} AS telemedicine
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHON=python \
    HOST=0.0.0.0 PORT=8000 WORKER_HEARTBEAT_FILE=/tmp/worker-heartbeat
# No pinned versions, and an upgrade of what the base has: a build has the security updates of the
# distribution, however old the digest above is.
# hadolint ignore=DL3008
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get upgrade -y \
    && apt-get install -y --no-install-recommends sqitch libdbd-pg-perl postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin telemedicine
WORKDIR /telemedicine
COPY --from=packages /venv /venv
COPY sqitch.conf sqitch.plan gunicorn.conf.py ./
COPY scripts/deploy.sh scripts/scram_verifier.pl scripts/healthcheck.py scripts/
COPY db db
COPY api api
COPY console console
COPY worker worker
ARG VERSION=development
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Telemedicine" \
    org.opencontainers.image.description="API, worker and deployment of a clinic whose rules live in PostgreSQL" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION" \
    org.opencontainers.image.source="$SOURCE" \
    org.opencontainers.image.licenses="MIT"
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-S", "scripts/healthcheck.py"]
CMD ["gunicorn", "-c", "gunicorn.conf.py", "api.app:create_app()"]
