-- Revert telemed:idempotency/require_key from pg

begin;

drop function app.require_key(text);

commit;
