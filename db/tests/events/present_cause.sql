begin;
\ir ../helpers/actors.psql
select plan(13);
reset role;

create function pg_temp.cause() returns text language sql
as $$
    select concat_ws(' ', a.name, c.actor_role, c.request_id, c.operation)
    from app.present_cause() as c
    left join actor as a on a.id = c.actor_id
$$;

create function app.made_by_a_test() returns text language plpgsql
as $$ begin return pg_temp.cause(); end $$;
create function api.outer_of_a_test() returns text language plpgsql
as $$ begin return ops.inner_of_a_test(); end $$;
create function ops.inner_of_a_test() returns text language plpgsql
as $$ begin return app.made_by_a_test(); end $$;
create function api.with_a_name_that_is_as_long_as_a_code_is() returns text language plpgsql
as $$ begin return app.made_by_a_test(); end $$;
create function api.with_a_name_that_is_longer_than_a_code_is() returns text language plpgsql
as $$ begin return app.made_by_a_test(); end $$;
create function api.in_a_call_of_a_test() returns text language plpgsql
as $$ begin perform app.require_role('patient'); return app.made_by_a_test(); end $$;

-- The caller
select pg_temp.sign_in('patient', p_request_id => 'request-1');
select is(pg_temp.cause(), 'patient patient request-1',
    'present_cause: a change by hand has the caller of the context and the request');
select is(api.in_a_call_of_a_test(), 'patient patient request-1 in_a_call_of_a_test',
    'present_cause: a verified caller is the actor');
select pg_temp.sign_in('patient', p_request_id => '');
select is(api.in_a_call_of_a_test(), 'patient patient in_a_call_of_a_test',
    'present_cause: a caller without the id of a request leaves it out');
select pg_temp.sign_in('patient', p_request_id => 'request-1');
select api.in_a_call_of_a_test() \g /dev/null
select set_config('app.user_id', pg_temp.id_of('doctor')::text, true) \g /dev/null
select throws_ok(
    'select pg_temp.cause()', 'TM101', null,
    'present_cause: a context that has changed since it was verified is refused');
select pg_temp.sign_in('nobody', p_request_id => 'request-2');
select is(pg_temp.cause(), 'request-2',
    'present_cause: a caller who is not logged in is no actor');
select set_config('app.proof', '', true), set_config('app.user_id', '', true) \g /dev/null
select is(pg_temp.cause(), '', 'present_cause: a change without a context has no actor');
select set_config('app.user_id', pg_temp.id_of('admin')::text, true) \g /dev/null
select is(pg_temp.cause(), '', 'present_cause: a context without a signature has no actor');

-- The function
select is(api.outer_of_a_test(), 'outer_of_a_test',
    'present_cause: of several functions the outermost one is the operation');
create function pg_temp.by_hand() returns text language plpgsql
as $$ begin return api.outer_of_a_test(); end $$;
select is(pg_temp.by_hand(), 'outer_of_a_test',
    'present_cause: a function that is called by another one is the operation as well');
select is(ops.inner_of_a_test(), 'inner_of_a_test',
    'present_cause: a function of ops is an operation as well');
select is(
    api.with_a_name_that_is_as_long_as_a_code_is(), 'with_a_name_that_is_as_long_as_a_code_is',
    'present_cause: a name may have 40 characters');
select is(api.with_a_name_that_is_longer_than_a_code_is(), '',
    'present_cause: a name that is too long for the column is left out');
do $$
begin
    perform set_config('test.cause', api.outer_of_a_test(), true);
end;
$$;
select is(current_setting('test.cause'), 'outer_of_a_test',
    'present_cause: a function that an anonymous block calls is the operation');

select * from finish();
rollback;
