-- Revert telemed:foundation/clock from pg

begin;

drop function app.clock();

commit;
