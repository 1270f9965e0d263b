-- Revert telemed:foundation/is_ascending from pg

begin;

drop function app.is_ascending(text, text);

commit;
