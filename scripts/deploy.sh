#!/bin/sh
# Bring a database up to sqitch.plan: roles, database, changes. What is there already is kept.
#
# The server is the one of the PG* variables (PGHOST, PGPORT, PGUSER, PGPASSWORD ...), the database
# PGDATABASE (telemed). For the first deployment on a server the login has to be a superuser, or have
# CREATEROLE and CREATEDB as on a managed server; later a member of telemed_owner is enough. Quiet
# unless it fails.
#
# DEPLOY_ATTEMPTS        how often to try to reach the server, a second apart, before giving up (1)
# DEPLOY_VERIFY          "no" leaves out the verify script of each change, which takes half of the time
# DEPLOY_LOCK_TIMEOUT    how long a change may wait for a lock before the deployment fails (5s)
# API_DATABASE_PASSWORD  becomes the password of the login telemed_api, where it needs one
# WORKER_DATABASE_PASSWORD  likewise of the login telemed_worker
# PYTHON                 a Python with the packages of requirements.txt (.venv/bin/python, else python3)
# CONTEXT_KEY            key with which the API signs contexts; the database accepts it from now on
# MFA_REQUIRED_ROLES     roles that require a second factor (admin,doctor), empty for none. If not set:
#                        none with APP_ENV=development, else the setting of the database, which is
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
    echo "deploy: $*" >&2
    exit 1
}

# What docker-compose.yml publishes begins like this.
if [ "${APP_ENV:-}" = production ]; then
    for value in "${PGPASSWORD:-}" "${API_DATABASE_PASSWORD:-}" "${WORKER_DATABASE_PASSWORD:-}" \
        "${CONTEXT_KEY:-}"; do
        case $value in
            development-only*)
                fail "with APP_ENV=production PGPASSWORD, API_DATABASE_PASSWORD," \
                    "WORKER_DATABASE_PASSWORD and CONTEXT_KEY must not be those of" \
                    "docker-compose.yml"
                ;;
        esac
    done
fi

administer() { # in the database `postgres`, which every server has
    psql -XAtq -v ON_ERROR_STOP=1 -d postgres "$@" 2>>"$log"
}

as() { # ROLE: in our database, as this role; a later `-c role=` wins
    PGOPTIONS="${PGOPTIONS:-} -c role=$1" psql -XAtq -v ON_ERROR_STOP=1 >>"$log" 2>&1
}

# A server that is just starting (docker compose) refuses for a moment.
attempt=0
until administer -c 'select' >/dev/null; do
    attempt=$((attempt + 1))
    [ "$attempt" -lt "${DEPLOY_ATTEMPTS:-1}" ] || fail "the server cannot be reached"
    sleep 1
done
: >"$log"

# One line names what is missing, before anything is changed.
missing=$(administer -v name="$PGDATABASE" <<'SQL'
select case
    when current_setting('server_version_num')::integer < 150000 then
        'PostgreSQL ' || current_setting('server_version') || ' is too old: 15 to 18 are supported'
    when to_regrole('telemed_owner') is null and not r.rolsuper and not r.rolcreaterole then
        format('the login %I must have CREATEROLE and CREATEDB (or be a superuser): the roles of'
            ' the product are not there yet', current_user)
    when to_regrole('telemed_owner') is not null
        and not pg_has_role(current_user, 'telemed_owner', 'member')
        -- Since PostgreSQL 16 CREATEROLE alone does not suffice to join a role.
        and not (r.rolcreaterole and current_setting('server_version_num')::integer < 160000) then
        format('the login %1$I must be a member of telemed_owner: grant telemed_owner to %1$I',
            current_user)
    when not r.rolsuper and not r.rolcreatedb
        and not exists (select from pg_database as d where d.datname = :'name') then
        format('the database %I is not there yet, and the login %I must have CREATEDB to create it',
            :'name', current_user)
end
from pg_roles as r where r.rolname = current_user;
SQL
) || fail "the server did not answer which rights are missing"
[ -z "$missing" ] || fail "$missing"

administer -f db/deploy/foundation/roles.sql >>"$log" || fail "the roles could not be created"

set_password() { # LOGIN VARIABLE PASSWORD
    [ -n "$3" ] || return 0
    verifier=$(PASSWORD=$3 perl scripts/scram_verifier.pl 2>>"$log") ||
        fail "$2 cannot be used"
    echo "alter role $1 password '$verifier';" | administer >>"$log" ||
        fail "the password of $1 could not be set"
}
set_password telemed_api API_DATABASE_PASSWORD "${API_DATABASE_PASSWORD:-}"
set_password telemed_worker WORKER_DATABASE_PASSWORD "${WORKER_DATABASE_PASSWORD:-}"

exists="select 1 from pg_database where datname = :'name'"
if [ -z "$(echo "$exists" | administer -v name="$PGDATABASE")" ]; then
    # Another deployment may be a moment ahead: what counts is that the database is there.
    createdb -O telemed_owner -T template0 -E UTF8 --locale=C.UTF-8 --maintenance-db=postgres \
        "$PGDATABASE" 2>>"$log" ||
        [ -n "$(echo "$exists" | administer -v name="$PGDATABASE")" ] ||
        fail "the database $PGDATABASE could not be created"
fi

# What neither a change nor a dump can bring: createdb and pg_restore leave the database to whoever
# ran them, and open to PUBLIC. Two deployments take turns.
administer -v name="$PGDATABASE" <<'SQL' >>"$log" || fail "the rights of the database could not be set"
select pg_advisory_lock(hashtextextended('telemed roles', 0));
select format('alter database %I owner to telemed_owner', d.datname)
from pg_database as d
where d.datname = :'name' and d.datdba <> 'telemed_owner'::regrole \gexec
select format('revoke all on database %I from public', d.datname)
from pg_database as d
where d.datname = :'name' and exists (
    select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as a
    where a.grantee = 0) \gexec
\set roles {telemed_api,telemed_auditor,telemed_backup,telemed_dba,telemed_internal,telemed_worker}
select format('grant connect on database %I to %I', :'name', r.name)
from unnest(:'roles'::text[]) as r (name)
where not has_database_privilege(r.name, :'name', 'connect') \gexec
select format('revoke create, temporary on database %I from %I', :'name', r.name)
from unnest(:'roles'::text[]) as r (name)
where has_database_privilege(r.name, :'name', 'create, temporary') \gexec
SQL

# The role telemed_api has the same setting: see foundation/roles.sql. This one covers other roles.
administer -v name="$PGDATABASE" <<'SQL' >>"$log" || fail "the logging of parameters could not be set"
select format('alter database %I set log_parameter_max_length = 0', d.datname)
from pg_database as d
where d.datname = :'name' and current_setting('is_superuser') = 'on' and not exists (
    select from pg_db_role_setting as s
    where s.setdatabase = d.oid and s.setrole = 0
      and s.setconfig @> '{log_parameter_max_length=0}') \gexec
SQL

verify=--verify
[ "${DEPLOY_VERIFY:-}" != no ] || verify=--no-verify

# Everything belongs to the owner. A change that waits for a lock keeps all later requests waiting:
# it fails early, and the deployment can be repeated. Sqitch requires a name and an address; these are
# the defaults.
PGOPTIONS="${PGOPTIONS:-} -c role=telemed_owner -c lock_timeout=${DEPLOY_LOCK_TIMEOUT:-5s}" \
    SQITCH_FULLNAME=${SQITCH_FULLNAME:-telemedicine deployment} \
    SQITCH_EMAIL=${SQITCH_EMAIL:-deployment@telemedicine.invalid} \
    sqitch --quiet deploy "$verify" "db:pg:$PGDATABASE" >>"$log" 2>&1 ||
    fail "sqitch could not deploy to the database $PGDATABASE"

# The library of the queue makes its own tables, as telemed_owner.
python=${PYTHON:-.venv/bin/python}
[ -n "${PYTHON:-}" ] || [ -x "$python" ] || python=python3
PGOPTIONS="${PGOPTIONS:-} -c lock_timeout=${DEPLOY_LOCK_TIMEOUT:-5s}" \
    "$python" -m worker.schema >>"$log" 2>&1 ||
    fail "the tables of the queue could not be brought up to date by $python -m worker.schema"

# The months ahead. Later months: docs/operations.md.
echo 'select ops.create_partitions();' | as telemed_owner ||
    fail "the partitions of the months ahead could not be made"

if [ -n "${CONTEXT_KEY:-}" ]; then
    case $CONTEXT_KEY in
        *[!\ -~]*) fail "CONTEXT_KEY must consist of printable ASCII characters" ;;
    esac
    # As the data of a COPY, which no log and no statistics of the server contain.
    {
        echo 'begin;'
        echo 'create temporary table context_key (key text) on commit drop;'
        echo 'grant select on context_key to telemed_internal;'
        echo 'copy context_key from stdin;'
        printf '%s\n' "$CONTEXT_KEY" | sed 's/\\/\\\\/g'
        echo '\.'
        echo 'set local role telemed_internal;'
        echo 'select ops.add_context_key(key) from context_key;'
        echo 'commit;'
    } | as telemed_owner || fail "the context key could not be set"
fi

if [ "${APP_ENV:-}" = development ]; then
    MFA_REQUIRED_ROLES=${MFA_REQUIRED_ROLES-}
    export MFA_REQUIRED_ROLES
fi
if [ -n "${MFA_REQUIRED_ROLES+set}" ]; then
    printf '%s\n' '\getenv roles MFA_REQUIRED_ROLES' \
        "select ops.require_second_factor(string_to_array(replace(:'roles', ' ', ''), ','));" |
        as telemed_internal || fail "MFA_REQUIRED_ROLES could not be put in force"
fi

# What a managed server keeps to itself is a note and not a failure.
administer <<'SQL' || fail "the roles could not be looked at"
select format('deploy: note: telemed_dba is not a member of %1$s; a role that may administer it runs:'
    ' grant %1$s to telemed_dba', n.role)
from unnest('{pg_monitor,pg_signal_backend}'::text[]) as n (role)
where not pg_has_role('telemed_dba', n.role, 'member');
select 'deploy: note: telemed_backup cannot read every row, so that only a superuser can dump the'
    ' database; a superuser runs: alter role telemed_backup bypassrls;'
    ' grant pg_read_all_data to telemed_backup'
from pg_roles as r
where r.rolname = 'telemed_backup'
  and not (r.rolbypassrls and pg_has_role(r.oid, 'pg_read_all_data', 'usage'));
select 'deploy: note: parameters of statements can come to the server''s log; a superuser runs:'
    ' alter role telemed_api set log_parameter_max_length = 0'
where not exists (
    select from pg_db_role_setting as s
    where s.setrole = 'telemed_api'::regrole and s.setconfig @> '{log_parameter_max_length=0}');
SQL
echo "deploy: the database $PGDATABASE is up to date"
