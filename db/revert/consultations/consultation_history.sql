-- Revert telemed:consultations/consultation_history from pg

begin;

drop function api.consultation_history(uuid, text, integer, text);
drop type api.consultation_events;

commit;
