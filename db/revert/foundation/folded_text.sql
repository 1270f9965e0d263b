-- Revert telemed:foundation/folded_text from pg

begin;

drop function app.folded_text(text);

commit;
