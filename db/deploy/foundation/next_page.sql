-- Deploy telemed:foundation/next_page to pg

begin;

set local role telemed_internal;
insert into app.secrets (name) values ('cursor');

create function app.cursor_signature(p_list text, p_position bytea)
returns bytea
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select substr(
            extensions.hmac(
                convert_to(
                    concat_ws('|', p_list, current_setting('app.verified_user_id', true), ''),
                    'UTF8') || p_position,
                s.value, 'sha256'),
            1, 16)
        from app.secrets as s
        where s.name = 'cursor');
end;
$$;

comment on function app.cursor_signature(text, bytea) is
'The signature of a cursor: the first 16 bytes of an HMAC-SHA-256 (RFC 2104) over the name of the
list, the verified user and the position in the list.';

create function app.set_next_cursor(p_list text, p_position jsonb)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_position is null then
        perform set_config('app.next_cursor', '', true);
        return;
    end if;
    perform set_config(
        'app.next_cursor',
        translate(
            encode(
                app.cursor_signature(p_list, convert_to(p_position::text, 'UTF8'))
                || convert_to(p_position::text, 'UTF8'),
                'base64'),
            E'+/=\n', '-_'),
        true);
end;
$$;

comment on function app.set_next_cursor(text, jsonb) is
'Ends a page of a list of the verified caller: puts the cursor of the next page into
app.next_cursor, or an empty text after the last page. p_position: the values by which the list is
sorted, of the last row of the page; null when no more rows follow.';

create function app.cursor_position(
    p_list text,
    p_cursor text,
    p_field text default 'cursor'
)
returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_length integer := char_length(p_cursor);
    v_bytes bytea;
begin
    if p_cursor is null then
        return null;
    end if;
    if v_length between 24 and 1000 and v_length % 4 <> 1 and p_cursor !~ '[^A-Za-z0-9_-]' then
        v_bytes := decode(
            rpad(translate(p_cursor, '-_', '+/'), (v_length + 3) / 4 * 4, '='), 'base64');
        -- Hashes are compared, so that a timing difference reveals nothing about the signature.
        if sha256(app.cursor_signature(p_list, substr(v_bytes, 17)))
            = sha256(substr(v_bytes, 1, 16)) then
            return convert_from(substr(v_bytes, 17), 'UTF8')::jsonb;
        end if;
    end if;
    raise exception 'The cursor is not from this list: begin again without a cursor'
        using errcode = 'TM201', column = p_field;
end;
$$;

comment on function app.cursor_position(text, text, text) is
'The position in a cursor that app.set_next_cursor made for the same list and the same caller; null
for the first page, whose cursor is null. A position is a value, not a row: the next page begins
after it, even if the row has changed or gone. p_field: the parameter that TM201 names. Raises
TM201.';

commit;
