-- Verify telemed:video/join_consultation on pg

begin;

select null::api.video_joins;
select 'api.join_consultation(uuid)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.join_consultation(uuid)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.join_consultation(uuid)', 'execute')::integer;

rollback;
