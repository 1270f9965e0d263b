-- Deploy telemed:idempotency/claim_key to pg

begin;

create function app.claim_key(p_user_id uuid, p_operation text, p_key text, p_request jsonb)
returns app.idempotency_keys
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_lock constant bigint :=
        hashtextextended(concat_ws('/', p_user_id::text, p_operation, p_key), 0);
    v_new app.idempotency_keys;
    v_known app.idempotency_keys;
begin
    if p_key is null then
        return null;
    end if;

    -- A second request with the same key waits here for the outcome of the first. The lock is taken
    -- before all others; behind it stands the constraint idempotency_keys_are_used_once. Only a
    -- request that has to wait pays for the subtransaction of the exception block.
    if not pg_try_advisory_xact_lock(v_lock) then
        begin
            perform pg_advisory_xact_lock(v_lock);
        exception when lock_not_available then
            raise exception 'A request with this Idempotency-Key is still running: try again later'
                using errcode = 'TM991';
        end;
    end if;

    v_new.user_id := p_user_id;
    v_new.operation := p_operation;
    v_new.key := p_key;
    v_new.fingerprint := sha256(convert_to(p_request::text, 'UTF8'));
    v_new.fingerprint_version := 1;

    -- A statement of its own, after the lock: its snapshot sees what the first request committed.
    select k.* into v_known
    from app.idempotency_keys as k
    where k.user_id = p_user_id and k.operation = p_operation and k.key = p_key;
    if not found then
        return v_new;
    end if;

    if v_known.fingerprint_version = v_new.fingerprint_version
        and v_known.fingerprint <> v_new.fingerprint then
        raise exception 'This Idempotency-Key was used for another request: send a new key'
            using errcode = 'TM203', column = 'Idempotency-Key';
    end if;
    -- The first request may have been committed here and nowhere else: its wait for the synchronous
    -- standby was cancelled, or its connection ended. A transaction that writes nothing waits for
    -- no standby, so this one writes a record that stands for nothing, and waits.
    if current_setting('synchronous_standby_names') <> '' and not pg_is_in_recovery() then
        perform pg_logical_emit_message(true, 'telemedicine', '');
    end if;
    raise notice 'This is the answer to an earlier request with the same Idempotency-Key'
        using errcode = 'TM000';
    if v_known.refusal_code is not null then
        perform app.refuse(
            v_known.refusal_code, v_known.refusal_message, v_known.refusal_details);
    end if;
    return v_known;
end;
$$;

comment on function app.claim_key(uuid, text, text, jsonb) is
'Claims p_key for one request of one user until the transaction ends. If the key is new, it returns
a row without created_at: do the work, then call app.settle_key or app.refuse_under_key. Otherwise
it sends NOTICE TM000, repeats a stored refusal, and returns the stored row: return its response.
p_request: the validated request, with times as seconds since 1970, so that it does not depend on a
time zone; its hash is the fingerprint. If p_key is null, it returns null and no outcome is stored;
app.require_key refuses a missing key. With a synchronous standby the stored row, too, is returned
only after the standby has it. Raises TM203, TM991 (another request with this key is still
running).';

commit;
