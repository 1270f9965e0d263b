-- Revert telemed:consultations/complete_consultation from pg

begin;

drop function api.complete_consultation(uuid, text, text);

commit;
