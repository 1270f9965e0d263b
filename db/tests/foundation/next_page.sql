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
    'cursor_position: a cursor gives back the position that it was made of');
select is(pg_temp.position_of('a', 'list_x', null), null::text,
    'cursor_position: the first page, whose cursor is null, has no position');
select is(pg_temp.cursor('a', 'list_x', null), '', 'set_next_cursor: the last page has no cursor');
select matches(:'cursor'::text, '^[A-Za-z0-9_-]+$',
    'set_next_cursor: a cursor needs no escaping in a URL');
select is(
    pg_temp.position_of('a', 'list_x', pg_temp.cursor('a', 'list_x', to_jsonb(repeat('x', n)::text))),
    format('"%s"', repeat('x', n)), 'cursor_position: a position of length ' || n || ' comes back')
from unnest(array[1, 2, 3, 60, 500]) as n;
select isnt(
    pg_temp.cursor('a', 'list_x', '[1]'), pg_temp.cursor('a', 'list_x', '[2]'),
    'set_next_cursor: different positions have different cursors');
select is(pg_temp.position_of(v.user_id, v.list, v.cursor), 'TM201 cursor', v.sentence)
from (values
    ('b', 'list_x', :'cursor', 'cursor_position: the cursor of another caller is refused'),
    ('', 'list_x', :'cursor', 'cursor_position: a cursor is refused in a call without a caller'),
    ('a', 'list_y', :'cursor', 'cursor_position: the cursor of another list is refused'),
    ('a', 'list_x', 'A' || :'cursor',
     'cursor_position: a cursor with an extra character is refused'),
    ('a', 'list_x', left(:'cursor', -4), 'cursor_position: a shortened cursor is refused'),
    ('a', 'list_x', overlay(:'cursor' placing 'AAAA' from 30),
     'cursor_position: a cursor with a changed position is refused'),
    ('a', 'list_x', overlay(:'cursor' placing 'AAAA' from 1),
     'cursor_position: a cursor with a changed signature is refused'),
    ('a', 'list_x', '', 'cursor_position: an empty cursor is refused'),
    ('a', 'list_x', gen_random_uuid()::text,
     'cursor_position: an id in the place of a cursor is refused'),
    ('a', 'list_x', :'cursor' || '=',
     'cursor_position: a character outside the alphabet of cursors is refused'),
    ('a', 'list_x', repeat('A', 100000), 'cursor_position: a text of 100,000 characters is refused')
) as v (user_id, list, cursor, sentence);

select * from finish();
rollback;
