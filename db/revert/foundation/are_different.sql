-- Revert telemed:foundation/are_different from pg

begin;

drop function app.are_different(text[]);

commit;
