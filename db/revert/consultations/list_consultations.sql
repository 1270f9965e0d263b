-- Revert telemed:consultations/list_consultations from pg

begin;

drop function api.list_consultations(
    text, timestamptz, timestamptz, uuid, uuid, text, integer, text);

commit;
