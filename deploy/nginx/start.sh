#!/bin/sh
# Starts nginx. Writes what depends on the environment and, in development, a certificate.
#
# API_SERVERS   the instances of the API: addresses, or names that are resolved again every few seconds
#               (api:8000)
# APP_ENV       development: signs a certificate for localhost if there is none, and serves HTTP as well.
#               Otherwise HTTP refers to HTTPS
# HSTS_SECONDS  for which a browser uses HTTPS only (31536000, a year; 300 in development)
set -eu

folder=/tmp/proxy
mkdir -p "$folder"
stop() {
    echo "proxy: $*" >&2
    exit 1
}

case ${APP_ENV:-production} in
    development) plain="include /etc/telemedicine/api.conf;" seconds=300 ;;
    *)
        plain="location / {
    return 308 https://\$host\$request_uri;
}"
        seconds=31536000
        ;;
esac
printf '%s\n' "$plain" >"$folder/plain.conf"
seconds=${HSTS_SECONDS:-$seconds}
case $seconds in
    *[!0-9]*) stop "HSTS_SECONDS is a whole number, not $seconds" ;;
esac
printf '%s\n' "map \$https \$hsts {" "    on \"max-age=$seconds\";" "}" >"$folder/hsts.conf"

if ! [ -e /certificates/tls.crt ] || ! [ -e /certificates/tls.key ]; then
    [ "${APP_ENV:-production}" = development ] ||
        stop "/certificates/tls.crt and tls.key are missing: see docs/deploy.md"
    umask 077
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 365 \
        -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
        -keyout /certificates/tls.key -out /certificates/tls.crt 2>"$folder/openssl.log" ||
        { cat "$folder/openssl.log" >&2 && stop "no certificate could be made"; }
    echo "proxy: signed a certificate for localhost; in production mount one of your own"
fi

# A connection to an instance ends after a second of rest: before the instance ends it, see
# docs/operations.md.
{
    echo "upstream api {"
    echo "    zone api 256k;"
    resolver=$(awk '$1 == "nameserver" { print index($2, ":") ? "[" $2 "]" : $2; exit }' /etc/resolv.conf)
    [ -z "$resolver" ] || echo "    resolver $resolver valid=2s ipv6=off;"
    for server in ${API_SERVERS:-api:8000}; do
        case $server in
            *[!0-9.:]*) echo "    server $server resolve max_fails=1 fail_timeout=2s;" ;;
            *) echo "    server $server max_fails=1 fail_timeout=2s;" ;;
        esac
    done
    echo "    keepalive 32;"
    echo "    keepalive_timeout 1s;"
    echo "}"
} >"$folder/upstream.conf"

exec nginx -c /etc/telemedicine/nginx.conf -g "daemon off;" "$@"
