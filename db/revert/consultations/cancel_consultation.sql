-- Revert telemed:consultations/cancel_consultation from pg

begin;

drop function api.cancel_consultation(uuid, text, text);

commit;
