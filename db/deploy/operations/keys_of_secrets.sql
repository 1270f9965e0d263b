-- Deploy telemed:operations/keys_of_secrets to pg

begin;

create type ops.keys_of_secrets as (kind text, key_id text, secrets bigint);

comment on type ops.keys_of_secrets is
'How many secrets a key has encrypted. kind: second_factor or webhook; key_id: 16 hexadecimal
digits, the id of a key of MFA_KEYS, null for secrets that do not name their key.';

set local role telemed_internal;
create function ops.keys_of_secrets()
returns setof ops.keys_of_secrets
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query
    select s.kind, k.id, count(*)
    from (
        select 'second_factor', u.mfa_secret from app.users as u
        union all
        select 'webhook', unnest(array[w.secret, w.previous_secret])
        from app.webhook_endpoints as w
    ) as s (kind, secret)
    cross join substring(encode(s.secret, 'escape'), '^([0-9a-f]{16})\.') as k (id)
    where s.secret is not null
    group by s.kind, k.id
    order by s.kind, k.id;
end;
$$;

comment on function ops.keys_of_secrets() is
'Counts the stored secrets of second factors and of webhooks by the key that has encrypted them, and
shows none of them. The database does not know the keys: python -m api doctor compares their ids.';

grant execute on function ops.keys_of_secrets() to telemed_dba;

commit;
