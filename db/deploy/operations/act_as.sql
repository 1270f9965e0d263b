-- Deploy telemed:operations/act_as to pg

begin;

set local role telemed_internal;
create function ops.act_as(p_user text)
returns api.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user app.users;
    v_row api.users;
    v_callers text;
begin
    perform app.forget_actor();

    -- Outside a transaction block the context would end with this statement. PostgreSQL has no
    -- function that says whether there is a block. There is none if the client's message has begun
    -- the transaction, contains no second statement and calls nothing of api, and if no function
    -- and no DO calls this one. In doubt the call is accepted: in the extended protocol
    -- (parameters) the two times always differ, and with a clock that stands still they never do.
    get diagnostics v_callers = pg_context;
    if statement_timestamp() = transaction_timestamp()
        and clock_timestamp() > statement_timestamp()
        and position(chr(10) in v_callers) = 0
        and current_query() !~ ';\s*[^;\s]'
        and current_query() !~ '\mapi\.\w+\s*\(' then
        raise exception 'Begin a transaction first: the context of ops.act_as ends with it'
            using errcode = 'TM210', hint = 'begin; select ops.act_as(...); ...; commit;';
    end if;

    if p_user is not null then
        v_user := app.account_named(p_user);
        if v_user.id is null then
            raise exception 'There is no user with this e-mail address or id'
                using errcode = 'TM406';
        end if;
    end if;

    -- A standby has no transaction numbers.
    perform set_config(
        'app.request_id',
        format('psql-%s-%s', pg_backend_pid(),
            case when pg_is_in_recovery()
                then (extract(epoch from transaction_timestamp()) * 1000000)::bigint
                else txid_current()
            end),
        true);
    perform set_config('app.refusals', 'raise', true);
    perform app.set_actor(v_user.id, v_user.role);
    -- A standby takes no entry, and no read of data of patients, which has to have one.
    if not pg_is_in_recovery() then
        insert into app.access_logs (kind, operation) values ('act_as', 'act_as');
    end if;
    -- A rollback removes the entry, but not this line of the server's log, which only a superuser
    -- can disable.
    raise log 'act_as: % acts as %', session_user, coalesce(v_user.id::text, 'nobody');

    select u.* into v_row from api.users as u where u.id = v_user.id;
    return v_row;
end;
$$;

comment on function ops.act_as(text) is
'Makes the rest of this transaction act as a user. p_user: e-mail address or id; null: a caller who
is not logged in. The access log gets an entry; like the audit log it has the database login beside
the user. The server''s log gets a line, which stays if the transaction is rolled back; on a
standby it is the only record. For the rest of the transaction every refusal is an error, also one
that is stored for clients of the REST API, see app.refuse. Raises TM210 outside a transaction
block, TM406.';

grant execute on function ops.act_as(text) to telemed_dba;

commit;
