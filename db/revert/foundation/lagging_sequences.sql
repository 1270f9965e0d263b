-- Revert telemed:foundation/lagging_sequences from pg

begin;

drop function app.lagging_sequences();

commit;
