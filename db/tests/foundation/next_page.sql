begin;
\ir ../helpers/actors.psql
select plan(21);

reset role;
create function pg_temp.cursor(p_user_id text, p_list text, p_position jsonb)
returns text language plpgsql
as $$
begin
    perform set_config('app.verified_user_id', p_user_id, true);
    perform app.set_next_cursor(p_list, p_position);
    return current_setting('app.next_cursor');
end;
$$;
create function pg_temp.position_of(p_user_id text, p_list text, p_cursor text)
returns text language plpgsql
as $$
declare
    v_code text;
    v_column text;
begin
    perform set_config('app.verified_user_id', p_user_id, true);
    return app.cursor_position(p_list, p_cursor);
exception when others then
    get stacked diagnostics v_code = returned_sqlstate, v_column = column_name;
    return v_code || ' ' || v_column;
end;
$$;
select pg_temp.cursor('a', 'list_x', '["2027-01-05T09:00:00.000001+00:00", "ä|b"]') as cursor \gset

select is(
    pg_temp.position_of('a', 'list_x', :'cursor'), '["2027-01-05T09:00:00.000001+00:00", "ä|b"]',
    'a position comes back as it went out');
select is(pg_temp.position_of('a', 'list_x', null), null::text, 'the first page has no position');
select is(pg_temp.cursor('a', 'list_x', null), '', 'the last page has no cursor');
select matches(:'cursor'::text, '^[A-Za-z0-9_-]+$', 'a cursor needs no escaping in a URL');
select is(
    pg_temp.position_of('a', 'list_x', pg_temp.cursor('a', 'list_x', to_jsonb(repeat('x', n)::text))),
    format('"%s"', repeat('x', n)), 'a position of ' || n || ' characters comes back')
from unnest(array[1, 2, 3, 60, 500]) as n;
select isnt(
    pg_temp.cursor('a', 'list_x', '[1]'), pg_temp.cursor('a', 'list_x', '[2]'),
    'another position has another cursor');
select is(pg_temp.position_of(v.user_id, v.list, v.cursor), 'TM201 cursor', v.sentence)
from (values
    ('b', 'list_x', :'cursor', 'a cursor of another caller is refused'),
    ('', 'list_x', :'cursor', 'so is one without a caller'),
    ('a', 'list_y', :'cursor', 'a cursor of another list is refused'),
    ('a', 'list_x', 'A' || :'cursor', 'a longer one'),
    ('a', 'list_x', left(:'cursor', -4), 'a shorter one'),
    ('a', 'list_x', overlay(:'cursor' placing 'AAAA' from 30), 'one with another position'),
    ('a', 'list_x', overlay(:'cursor' placing 'AAAA' from 1), 'one with another signature'),
    ('a', 'list_x', '', 'an empty one'),
    ('a', 'list_x', gen_random_uuid()::text, 'an id'),
    ('a', 'list_x', :'cursor' || '=', 'one with characters that no cursor has'),
    ('a', 'list_x', repeat('A', 100000), 'and one that is much too long')
) as v (user_id, list, cursor, sentence);

select * from finish();
rollback;
