begin;
select plan(7);

select lives_ok('select app.check_limit(1)', 'a page may have one row');
select lives_ok('select app.check_limit(1000)', 'a page may have 1000 rows');
select throws_ok('select app.check_limit(0)', 'TM201', null, 'a page has at least one row');
select throws_ok('select app.check_limit(-1)', 'TM201', null, 'a page has no negative size');
select throws_ok('select app.check_limit(1001)', 'TM201', null, 'a page has at most 1000 rows');
select throws_ok(
    'select app.check_limit(null)', 'TM201', null, 'nobody asks for a page without end');

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
select is(pg_temp.field_at_fault(), 'limit', 'the refusal names the field');

select * from finish();
rollback;
