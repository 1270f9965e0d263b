#!/bin/sh
# Prepare a released change to be changed: `make rework CHANGE=operations/advise NOTE="..."`.
#
# Sqitch keeps what was released under db/reworked, and deploys the new version after it. The new
# deploy script replaces functions instead of creating them, and so does the revert script, which
# is what was released. Types, tables and triggers have to be changed by hand: see db/README.md.
set -eu
cd "$(dirname "$0")/.."

change=$1
note=${2:-"Change $1"}
[ -e "db/deploy/$change.sql" ] || {
    echo "rework: there is no change $change" >&2
    exit 1
}
domain=$(dirname "$change")
mkdir -p "db/reworked/deploy/$domain" "db/reworked/revert/$domain" "db/reworked/verify/$domain"
sqitch --quiet rework "$change" --note "$note" --no-edit >/dev/null

for kind in deploy revert; do
    sed -e 's/^create function /create or replace function /' \
        -e '/^create type .*(.*);$/d' -e '/^create type .*($/,/^);$/d' \
        "db/$kind/$change.sql" >"db/$kind/$change.new"
    mv "db/$kind/$change.new" "db/$kind/$change.sql"
done
sed -i "1s|.*|-- Revert telemed:$change from pg|" "db/revert/$change.sql"
echo "rework: change db/deploy/$change.sql; what was released is in db/reworked"
