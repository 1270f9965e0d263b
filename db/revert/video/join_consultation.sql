-- Revert telemed:video/join_consultation from pg

begin;

drop function api.join_consultation(uuid);
drop type api.video_joins;

commit;
