-- Revert telemed:foundation/refuse_faults from pg

begin;

drop function app.refuse_faults(app.fault[]);
drop type app.fault;

commit;
