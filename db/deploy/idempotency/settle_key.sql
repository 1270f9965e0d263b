-- Deploy telemed:idempotency/settle_key to pg

begin;

create function app.settle_key(p_key app.idempotency_keys, p_resource_id uuid, p_response jsonb)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_key.key is null then
        return;
    end if;
    insert into app.idempotency_keys
        (user_id, operation, key, fingerprint, fingerprint_version, resource_id, response)
    values (
        p_key.user_id,
        p_key.operation,
        p_key.key,
        p_key.fingerprint,
        p_key.fingerprint_version,
        p_resource_id,
        p_response);
end;
$$;

comment on function app.settle_key(app.idempotency_keys, uuid, jsonb) is
'Stores the outcome of a granted request under p_key, the row that app.claim_key returned: the id of
the resource and the response. If p_key has no key, it stores nothing.';

commit;
