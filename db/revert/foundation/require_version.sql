-- Revert telemed:foundation/require_version from pg

begin;

drop function app.require_version(text[], anyelement);

commit;
