-- Revert telemed:foundation/require_fresh_snapshot from pg

begin;

drop function app.require_fresh_snapshot();

commit;
