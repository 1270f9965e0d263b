-- Deploy telemed:idempotency/refuse_under_key to pg

begin;

create function app.refuse_under_key(
    p_key app.idempotency_keys,
    p_code text,
    p_message text,
    p_details jsonb default null
)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_key.key is null then
        raise exception using errcode = p_code, message = p_message;
    end if;
    insert into app.idempotency_keys
        (user_id, operation, key, fingerprint, fingerprint_version, refusal_code, refusal_message,
         refusal_details)
    values (
        p_key.user_id,
        p_key.operation,
        p_key.key,
        p_key.fingerprint,
        p_key.fingerprint_version,
        p_code,
        p_message,
        p_details);
    perform app.refuse(p_code, p_message, p_details);
end;
$$;

comment on function app.refuse_under_key(app.idempotency_keys, text, text, jsonb) is
'Refuses a request by app.refuse and stores the refusal under its key, so that a delayed duplicate
gets the same refusal. The calling function returns null. Without a key the refusal is an ERROR.';

commit;
