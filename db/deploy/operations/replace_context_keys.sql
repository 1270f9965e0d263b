-- Deploy telemed:operations/replace_context_keys to pg

begin;

set local role telemed_internal;
create function ops.replace_context_keys(p_key text)
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id text;
begin
    perform app.forget_actor();
    v_id := ops.add_context_key(p_key);
    delete from app.context_keys where id not in ('database', v_id);
    -- The database has signed the context of this transaction, if there is one, with its old key.
    perform set_config('app.proof', '', true);
    update app.context_keys
    set key = extensions.gen_random_bytes(32), created_at = clock_timestamp()
    where id = 'database';
    return v_id;
end;
$$;

comment on function ops.replace_context_keys(text) is
'Makes this database accept context signatures of p_key (32 to 1024 bytes, CONTEXT_KEY of its REST
API) and of no other key: deletes the other keys, and makes a new one of the database. For a copy
of a database, which otherwise accepts the signatures of the original. Returns the id of the key.
Raises TM201.';

grant execute on function ops.replace_context_keys(text) to telemed_dba;

commit;
