-- Deploy telemed:operations/context_keys to pg

begin;

create trigger context_keys_are_audited
after insert or update or delete on app.context_keys
for each row execute function app.record_change('id', 'key');

create type api.context_keys as (id text, created_at timestamptz);

comment on type api.context_keys is 'A context key: its id and age, without the key itself.';

set local role telemed_internal;
create function ops.add_context_key(p_key text)
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id text := left(encode(sha256(convert_to('context key ' || p_key, 'UTF8')), 'hex'), 16);
begin
    perform app.forget_actor();
    if octet_length(p_key) not between 32 and 1024 or p_key is null then
        raise exception 'Give a context key of 32 to 1024 bytes'
            using errcode = 'TM201', column = 'key';
    end if;
    insert into app.context_keys (id, key)
    values (v_id, convert_to(p_key, 'UTF8'))
    on conflict do nothing;
    return v_id;
end;
$$;

comment on function ops.add_context_key(text) is
'Accepts context signatures that are made with p_key (32 to 1024 bytes, CONTEXT_KEY of the REST
API), beside those of the present keys. Returns the key''s id. Raises TM201.';

grant execute on function ops.add_context_key(text) to telemed_dba;

create function ops.drop_context_key(p_id text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    delete from app.context_keys where id = p_id and id <> 'database';
    if not found then
        raise exception 'There is no context key with this id, or it is the database''s own'
            using errcode = 'TM407';
    end if;
end;
$$;

comment on function ops.drop_context_key(text) is
'Deletes a context key. From the next call on its signatures are refused. Raises TM407.';

grant execute on function ops.drop_context_key(text) to telemed_dba;

create function ops.list_context_keys()
returns setof api.context_keys
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query
    select k.id, k.created_at::timestamptz from app.context_keys as k order by k.created_at;
end;
$$;

comment on function ops.list_context_keys() is
'Returns the context keys whose signatures are accepted, the oldest first. `database` is the
database''s own.';

grant execute on function ops.list_context_keys() to telemed_dba;

commit;
