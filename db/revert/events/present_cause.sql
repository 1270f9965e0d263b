-- Revert telemed:events/present_cause from pg

begin;

drop function app.present_cause();
drop type app.cause;

commit;
