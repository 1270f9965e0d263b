#!/bin/sh
# Starts Prometheus in docker-compose.yml. With METRICS_TOKEN it scrapes with that token: from a file,
# because Prometheus expands no variables.
set -eu
umask 077
mkdir -p /tmp/prometheus
cp /etc/prometheus/*.yml /tmp/prometheus/
if [ -n "${METRICS_TOKEN:-}" ]; then
    printf %s "$METRICS_TOKEN" >/tmp/prometheus/metrics_token
    sed -i '/- job_name:/a\    authorization: {credentials_file: /tmp/prometheus/metrics_token}' \
        /tmp/prometheus/prometheus.yml
fi
exec prometheus --config.file=/tmp/prometheus/prometheus.yml --storage.tsdb.path=/prometheus "$@"
