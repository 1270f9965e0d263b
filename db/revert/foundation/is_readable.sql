-- Revert telemed:foundation/is_readable from pg

begin;

drop function app.is_readable(text);

commit;
