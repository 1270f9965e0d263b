#!/bin/sh
# Bring a database up to sqitch.plan: roles, database, changes. What is there already is kept.
#
# The server is the one of the PG* variables (PGHOST, PGPORT, PGUSER, PGPASSWORD ...), the database
# PGDATABASE (telemed). The login has to be a superuser for the first deployment on a server, later
# it may be a member of telemed_owner. Quiet unless it fails.
#
# DEPLOY_ATTEMPTS        how often to knock, a second apart, before giving up on the server (1)
# DEPLOY_LOCK_TIMEOUT    how long a change may wait for a lock before the deployment fails (5s)
# API_DATABASE_PASSWORD  becomes the password of the login telemed_api, where it needs one
# CONTEXT_KEY            with which the API proves who is calling; the database believes it from now on
# MFA_REQUIRED_ROLES     roles that need a second factor (admin,doctor), empty for none. When it is not
#                        set: none with APP_ENV=development, else what the database says, which is
#                        admin and doctor at first
set -eu
cd "$(dirname "$0")/.."

PGDATABASE=${PGDATABASE:-telemed}
export PGDATABASE
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
    cat "$log" >&2
    echo "deploy: $1" >&2
    exit 1
}

administer() { # in the database `postgres`, which every server has
    psql -XAtq -v ON_ERROR_STOP=1 -d postgres "$@" 2>>"$log"
}

# A server that is just starting (docker compose) refuses for a moment.
attempt=0
until administer -c 'select' >/dev/null; do
    attempt=$((attempt + 1))
    [ "$attempt" -lt "${DEPLOY_ATTEMPTS:-1}" ] || fail "the server cannot be reached"
    sleep 1
done
: >"$log"

administer -f db/deploy/foundation/roles.sql >>"$log" || fail "the roles could not be created"

if [ -n "${API_DATABASE_PASSWORD:-}" ]; then
    # Read by psql itself: an argument could be seen in the list of processes.
    printf '%s\n' '\getenv password API_DATABASE_PASSWORD' \
        "alter role telemed_api password :'password';" |
        administer >>"$log" || fail "the password of telemed_api could not be set"
fi

exists="select 1 from pg_database where datname = :'name'"
if [ -z "$(echo "$exists" | administer -v name="$PGDATABASE")" ]; then
    # Another deployment may be a moment ahead: what counts is that the database is there.
    createdb -O telemed_owner -T template0 -E UTF8 --locale=C.UTF-8 --maintenance-db=postgres \
        "$PGDATABASE" 2>>"$log" ||
        [ -n "$(echo "$exists" | administer -v name="$PGDATABASE")" ] ||
        fail "the database $PGDATABASE could not be created"
fi

# Sqitch wants to know who deploys; nobody has to configure that. Everything belongs to the owner.
SQITCH_FULLNAME=${SQITCH_FULLNAME:-telemedicine deployment} \
SQITCH_EMAIL=${SQITCH_EMAIL:-deployment@telemedicine.invalid} \
# Who waits for a lock keeps everybody waiting who comes later: rather fail, and try again.
PGOPTIONS="${PGOPTIONS:-} -c role=telemed_owner -c lock_timeout=${DEPLOY_LOCK_TIMEOUT:-5s}" \
    sqitch --quiet deploy "db:pg:$PGDATABASE" >>"$log" 2>&1 ||
    fail "sqitch could not deploy to the database $PGDATABASE"

# The months ahead: see docs/operations.md for who makes the later ones.
PGOPTIONS="${PGOPTIONS:-} -c role=telemed_owner" \
    psql -XAtq -v ON_ERROR_STOP=1 -c "select ops.create_partitions()" >>"$log" 2>&1 ||
    fail "the partitions of the months ahead could not be made"

if [ -n "${CONTEXT_KEY:-}" ]; then
    printf '%s\n' '\getenv key CONTEXT_KEY' "select ops.add_context_key(:'key');" |
        PGOPTIONS="${PGOPTIONS:-} -c role=telemed_internal" \
            psql -XAtq -v ON_ERROR_STOP=1 >>"$log" 2>&1 || fail "the context key could not be set"
fi

if [ "${APP_ENV:-}" = development ]; then
    MFA_REQUIRED_ROLES=${MFA_REQUIRED_ROLES-}
    export MFA_REQUIRED_ROLES
fi
if [ -n "${MFA_REQUIRED_ROLES+set}" ]; then
    printf '%s\n' '\getenv roles MFA_REQUIRED_ROLES' \
        "select ops.require_second_factor(string_to_array(replace(:'roles', ' ', ''), ','));" |
        PGOPTIONS="${PGOPTIONS:-} -c role=telemed_internal" \
            psql -XAtq -v ON_ERROR_STOP=1 >>"$log" 2>&1 ||
        fail "MFA_REQUIRED_ROLES could not be put in force"
fi

echo "deploy: the database $PGDATABASE is up to date"
