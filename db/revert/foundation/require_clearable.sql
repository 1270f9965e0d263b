-- Revert telemed:foundation/require_clearable from pg

begin;

drop function app.require_clearable(text[], text[]);

commit;
