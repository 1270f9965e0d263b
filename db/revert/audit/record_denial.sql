-- Revert telemed:audit/record_denial from pg

begin;

drop function api.record_denial(text, text, uuid);
drop function app.is_somebody_elses(uuid, uuid);

commit;
