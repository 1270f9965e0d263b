-- Deploy telemed:identity/deactivate_user to pg

begin;

create type api.deactivations as (
    id uuid,
    email text,
    role text,
    full_name text,
    phone text,
    date_of_birth date,
    created_at timestamptz,
    email_verified_at timestamptz,
    language text,
    time_zone text,
    mfa_confirmed_at timestamptz,
    deactivated_at timestamptz,
    booked_consultation_ids uuid[],
    cancelled_consultation_ids uuid[]
);
comment on type api.deactivations is
'A deactivated account, with the consultations of its user that are still scheduled and those that
were cancelled with it, the earliest first.';

create function api.deactivate_user(
    p_user_id uuid,
    p_cancel_consultations boolean default false,
    p_reason text default null
)
returns api.deactivations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('admin');
    v_cancelled uuid[] := '{}'::uuid[];
    v_account api.accounts;
begin
    if p_user_id = v_actor.user_id then
        raise exception 'You cannot deactivate your own account' using errcode = 'TM920';
    end if;

    -- Of two admins who deactivate each other, the second waits here and is then refused: one admin
    -- always stays. The order of the ids prevents a deadlock.
    perform from app.users as u
    where u.id in (v_actor.user_id, p_user_id)
    order by u.id
    for no key update;
    perform app.require_role('admin');

    -- Lock order: users, consultations by id, then doctors and slots (in triggers). A slot that
    -- becomes open here is withdrawn below, in the same transaction.
    if p_cancel_consultations then
        v_cancelled := array(
            select c.id from app.consultations as c
            where p_user_id in (c.doctor_id, c.patient_id)
              and c.status = 'scheduled'
              and c.ends_at > app.clock()
            order by c.id
            for no key update);
        update app.consultations
        set status = 'cancelled', cancellation_reason = p_reason
        where id = any (v_cancelled);
    end if;

    update app.users
    set deactivated_at = app.clock()
    where id = p_user_id and deactivated_at is null;

    select * into v_account from api.accounts where id = p_user_id;
    if not found then
        raise exception 'There is no such user' using errcode = 'TM406';
    end if;
    perform app.record_read('deactivate_user', array[p_user_id]);
    return (
        v_account.id, v_account.email, v_account.role, v_account.full_name, v_account.phone,
        v_account.date_of_birth, v_account.created_at, v_account.email_verified_at,
        v_account.language, v_account.time_zone, v_account.mfa_confirmed_at,
        v_account.deactivated_at,
        array(
            select c.id from app.consultations as c
            where p_user_id in (c.doctor_id, c.patient_id) and c.status = 'scheduled'
            order by c.starts_at, c.id),
        array(
            select c.id from app.consultations as c
            where c.id = any (v_cancelled)
            order by c.starts_at, c.id))::api.deactivations;
end;
$$;

comment on function api.deactivate_user(uuid, boolean, text) is
'Deactivates an account: its user is refused from the next request on and cannot log in. A doctor''s
open slots are withdrawn. Booked consultations stay scheduled and are named in the answer. With
p_cancel_consultations those that are not over are cancelled in the same transaction, with p_reason
(1 to 4000 characters); one that is booked at the same moment stays scheduled and is named. A
deactivated account stays as it is, so that the call can be repeated, to cancel what was named. The
access log records the call, because the answer has data of the user. For admins, about other
accounts. Raises TM101, TM102, TM208, TM301, TM302, TM406, TM920.';

grant execute on function api.deactivate_user(uuid, boolean, text) to telemed_api, telemed_dba;

commit;
