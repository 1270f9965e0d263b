-- Verify telemed:scheduling/slot_of_cursor on pg

begin;

select 'app.slot_of_cursor(uuid)'::regprocedure;

rollback;
