-- Revert telemed:foundation/refuse_to_lose_rows from pg

begin;

drop function app.refuse_to_lose_rows(text, text, text[]);

commit;
