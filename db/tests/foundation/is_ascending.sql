begin;
select plan(10);

select is(app.is_ascending(v.in_order, v.by_default), v.is_ascending, v.sentence)
from (values
    ('created_at', 'created_at', true, 'is_ascending: a field is ascending'),
    ('-created_at', 'created_at', false, 'is_ascending: a field after a minus sign is descending'),
    (null, 'created_at', true, 'is_ascending: by default an ascending list stays ascending'),
    ('created_at', '-created_at', true,
     'is_ascending: a list that is descending by default can be ascending'),
    (null, '-created_at', false, 'is_ascending: by default a descending list stays descending')
) as v (in_order, by_default, is_ascending, sentence);
select throws_ok(
    format('select app.is_ascending(%L, ''created_at'')', v.in_order), 'TM201',
    'The order must be created_at or -created_at', v.sentence)
from (values
    ('starts_at', 'is_ascending: another field is refused'),
    ('', 'is_ascending: an empty order is refused'),
    ('--created_at', 'is_ascending: two minus signs are refused'),
    ('created_at desc', 'is_ascending: a word after the field is refused')
) as v (in_order, sentence);

create function pg_temp.field_at_fault()
returns text language plpgsql
as $$
declare
    v_field text;
begin
    perform app.is_ascending('no', 'created_at');
exception when others then
    get stacked diagnostics v_field = column_name;
    return v_field;
end;
$$;
select is(pg_temp.field_at_fault(), 'order', 'is_ascending: the refusal names the field order');

select * from finish();
rollback;
