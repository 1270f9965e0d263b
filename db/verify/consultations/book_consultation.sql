-- Verify telemed:consultations/book_consultation on pg

begin;

select 'api.book_consultation(uuid, text, text)'::regprocedure;
select 1 / has_function_privilege(
    'telemed_api', 'api.book_consultation(uuid, text, text)', 'execute')::integer;
select 1 / has_function_privilege(
    'telemed_dba', 'api.book_consultation(uuid, text, text)', 'execute')::integer;

rollback;
