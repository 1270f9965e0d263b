begin;
select plan(7);

select lives_ok('select app.check_limit(1)', 'check_limit: a limit of 1 row is accepted');
select lives_ok('select app.check_limit(1000)', 'check_limit: a limit of 1000 rows is accepted');
select throws_ok('select app.check_limit(0)', 'TM201', null,
    'check_limit: a limit of 0 rows is refused');
select throws_ok('select app.check_limit(-1)', 'TM201', null,
    'check_limit: a negative limit is refused');
select throws_ok('select app.check_limit(1001)', 'TM201', null,
    'check_limit: a limit of 1001 rows is refused');
select throws_ok(
    'select app.check_limit(null)', 'TM201', null, 'check_limit: a null limit is refused');

create function pg_temp.field_at_fault()
returns text language plpgsql
as $$
declare
    v_field text;
begin
    perform app.check_limit(0);
exception when others then
    get stacked diagnostics v_field = column_name;
    return v_field;
end;
$$;
select is(pg_temp.field_at_fault(), 'limit', 'check_limit: the refusal names the field limit');

select * from finish();
rollback;
