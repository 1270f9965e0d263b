-- Revert telemed:consultations/reschedule_consultation from pg

begin;

drop function api.reschedule_consultation(uuid, uuid, text);

commit;
