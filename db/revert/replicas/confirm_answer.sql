-- Revert telemed:replicas/confirm_answer from pg

begin;

drop function api.confirm_answer;

commit;
