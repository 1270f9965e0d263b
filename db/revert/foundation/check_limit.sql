-- Revert telemed:foundation/check_limit from pg

begin;

drop function app.check_limit(integer);

commit;
