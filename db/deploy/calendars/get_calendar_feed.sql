-- Deploy telemed:calendars/get_calendar_feed to pg

begin;

set local role telemed_internal;
create function app.calendar_of_token(p_token text)
returns setof api.calendar_entries
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_from constant timestamptz := app.clock() - interval '30 days';
    v_before constant timestamptz := app.clock() + interval '400 days';
    v_user app.users;
    v_ids uuid[];
begin
    select u.* into v_user
    from app.calendar_feeds as f
    inner join app.users as u on u.id = f.user_id
    where f.token_hash = sha256(convert_to(p_token, 'UTF8'))
      and f.revoked_at is null
      and u.deactivated_at is null
      and u.role in ('patient', 'doctor');
    if not found then
        raise exception 'No calendar has this address: it may have been revoked'
            using errcode = 'TM450';
    end if;

    -- One query for each index. A cancelled consultation stays for 30 days, because some
    -- applications keep an entry that is merely gone. The limit drops cancelled ones first: anybody
    -- may book and cancel as often as they like.
    if v_user.role = 'patient' then
        v_ids := array(
            select c.id from app.consultations as c
            where c.patient_id = v_user.id
              and c.starts_at >= v_from and c.starts_at < v_before
              and (c.status <> 'cancelled' or c.updated_at >= v_from)
            order by c.status = 'cancelled', c.starts_at, c.id
            limit 2000);
    else
        v_ids := array(
            select c.id from app.consultations as c
            where c.doctor_id = v_user.id
              and c.starts_at >= v_from and c.starts_at < v_before
              and (c.status <> 'cancelled' or c.updated_at >= v_from)
            order by c.status = 'cancelled', c.starts_at, c.id
            limit 2000);
    end if;
    return query
    select e.* from app.calendar_entries_of(v_ids, v_user.id) as e;
end;
$$;

comment on function app.calendar_of_token(text) is
'The entries of the calendar to which a token belongs: see api.get_calendar_feed. Raises TM450.';
reset role;

create function api.get_calendar_feed(p_token text)
returns setof api.calendar_entries
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    perform app.proven_context();
    return query
    select e.* from app.calendar_of_token(p_token) as e;
end;
$$;

comment on function api.get_calendar_feed(text) is
'The consultations of the user to whom the token of api.create_my_calendar belongs, from 30 days ago
until 400 days ahead, the earliest first; of cancelled ones those that were cancelled within 30
days; at most 2000. An unknown token, a revoked one, and the token of an account that is deactivated
or has another role are refused in the same way. An entry names no patient, and the access log does
not record the read. For every caller with the token, logged in or not. Raises TM101, TM450.';

grant execute on function api.get_calendar_feed(text) to telemed_api, telemed_dba;

commit;
