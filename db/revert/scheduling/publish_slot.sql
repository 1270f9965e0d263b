-- Revert telemed:scheduling/publish_slot from pg

begin;

drop function api.publish_slot(timestamptz, timestamptz, text);

commit;
