-- Deploy telemed:idempotency/require_key to pg

begin;

create function app.require_key(p_key text)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_key is null then
        raise exception 'Send an Idempotency-Key'
            using errcode = 'TM206', column = 'Idempotency-Key';
    end if;
end;
$$;

comment on function app.require_key(text) is
'Refuses a request whose idempotency key is null. Raises TM206.';

commit;
