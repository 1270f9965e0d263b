#!/bin/sh
# Makes a cluster if there is none, and starts the server: what docker-compose.yml needs of the entry
# point of the image `postgres`.
set -eu
install -d -o postgres -g postgres -m 775 /run/postgresql
chown -R postgres:postgres "$PGDATA"
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
if ! [ -e "$PGDATA/PG_VERSION" ]; then
    echo "$POSTGRES_PASSWORD" >/tmp/password
    chown postgres /tmp/password
    # shellcheck disable=SC2086  # words
    as_postgres initdb --username=postgres --pwfile=/tmp/password --auth=trust \
        --auth-host=scram-sha-256 ${POSTGRES_INITDB_ARGS:-}
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
fi
[ "$1" != postgres ] || shift
exec setpriv --reuid=postgres --regid=postgres --init-groups \
    postgres "$@" --listen_addresses='*' --unix_socket_directories=/run/postgresql
