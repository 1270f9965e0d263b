#!/bin/sh
# Add a function to the plan: `make add CHANGE=consultations/note_consultation NOTE="..."`.
#
# Sqitch fills in the templates of db/templates: the deploy, revert and verify scripts, and a pgTAP
# test, which fails until it is filled in. A function of the domain `operations` is one for DBAs.
# TABLE=consultation_notes adds an append-only table that comes and goes with the function.
set -eu
cd "$(dirname "$0")/.."

stop() {
    echo "add: $1" >&2
    exit 1
}

change=${1-}
note=${2-}
table=${3-}

echo "$change" | grep -Eqx '[a-z_]+/[a-z][a-z0-9_]*' ||
    stop "CHANGE is a domain and a name, such as consultations/note_consultation, not '$change'"
domain=${change%/*}
name=${change#*/}
[ -d "db/deploy/$domain" ] ||
    stop "there is no domain '$domain' in db/deploy, but: $(basename -a db/deploy/* | tr '\n' ' ')"
existing=$(find db/deploy db/tests -name "$name.sql")
[ -z "$existing" ] || stop "the name is taken: $(echo "$existing" | tr '\n' ' ')"

schema=api
row=
if [ "$domain" = operations ]; then
    schema=ops
    set -- --requires foundation/forget_actor
else
    # What most functions of the domain return.
    row=$(grep -rhoE '^returns api\.[a-z_]+' "db/deploy/$domain" | sort | uniq -c | sort -rn |
        awk 'NR == 1 { print $3 }')
    [ -n "$row" ] || stop "no function of db/deploy/$domain returns a row of api: copy a neighbour"
    set -- --requires identity/require_role --requires idempotency/claim_key \
        --requires idempotency/settle_key --requires idempotency/refuse_under_key
fi
if [ -n "$table" ]; then
    echo "$table" | grep -Eqx '[a-z][a-z0-9_]*s' ||
        stop "TABLE is a plural in lower case, such as consultation_notes, not '$table'"
    ! grep -rqE "^create table app\.$table " db/deploy || stop "there is a table app.$table already"
    set -- "$@" --requires audit/record_change --requires foundation/rows_are_append_only \
        --set "table=$table"
fi
[ -n "$note" ] || note=$(echo "$name" | tr _ ' ' | sed 's/^./\U&/')

sqitch add "$change" "$@" --template-directory db/templates --template "$schema" \
    --set "domain=$domain" --set "name=$name" --set "row=$row" --note "$note" --no-edit
echo "add: fill in db/deploy/$change.sql and db/tests/$change.sql, then:"
echo "     make test ONLY=sql ARGS=$name.sql"
