-- Deploy telemed:identity/update_doctor to pg

begin;

create function api.update_doctor(
    p_doctor_id uuid,
    p_specialty text default null,
    p_time_zone text default null,
    p_fee_minor bigint default null,
    p_currency text default null,
    p_languages text[] default null,
    p_biography text default null,
    p_practising_since integer default null,
    p_photo_url text default null,
    p_clear text[] default '{}',
    p_versions text[] default null
)
returns api.doctors
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor', 'admin');
    v_field text;
    v_doctor api.doctors;
begin
    if v_actor.role = 'doctor' then
        if p_doctor_id is distinct from v_actor.user_id then
            raise exception 'There is no such doctor' using errcode = 'TM401';
        end if;
        v_field := case
            when p_specialty is not null then 'specialty'
            when p_time_zone is not null then 'time_zone'
            when p_currency is not null then 'currency'
            when p_practising_since is not null or 'practising_since' = any (p_clear)
                then 'practising_since'
        end;
        if v_field is not null then
            raise exception 'Only an admin may change %', v_field
                using errcode = 'TM301', column = v_field;
        end if;
    end if;
    perform app.require_clearable(p_clear, '{biography,practising_since,photo_url}');
    perform app.check_doctor(p_time_zone, p_currency, p_languages, p_practising_since);
    if p_currency is not null and p_fee_minor is null then
        raise exception 'A currency is changed together with the fee, fee_minor'
            using errcode = 'TM201', column = 'fee_minor';
    end if;

    -- Lock order: the doctor, then, by a trigger of a new specialty, the doctor's slots. The query
    -- after the lock sees what an earlier change has committed, so a later one of the same version
    -- is refused.
    perform from app.doctors where user_id = p_doctor_id for no key update;
    if not found then
        raise exception 'There is no such doctor' using errcode = 'TM401';
    end if;
    select * into strict v_doctor from api.doctors where id = p_doctor_id;
    perform app.require_version(p_versions, v_doctor);

    update app.doctors
    set specialty = coalesce(p_specialty, specialty),
        time_zone = coalesce(p_time_zone, time_zone),
        fee_minor = coalesce(p_fee_minor, fee_minor),
        currency = coalesce(p_currency, currency),
        languages = coalesce(p_languages, languages),
        biography = case
            when 'biography' = any (p_clear) then p_biography else coalesce(p_biography, biography)
        end,
        practising_since = case
            when 'practising_since' = any (p_clear) then p_practising_since
            else coalesce(p_practising_since, practising_since)
        end,
        photo_url = case
            when 'photo_url' = any (p_clear) then p_photo_url else coalesce(p_photo_url, photo_url)
        end
    where user_id = p_doctor_id;

    select * into strict v_doctor from api.doctors where id = p_doctor_id;
    return v_doctor;
end;
$$;

comment on function api.update_doctor is
'Changes what a doctor offers. Doctors change their own fee, languages, biography and photo; an
admin changes every field of every doctor. Null leaves a field as it is; p_clear names the fields
that become null: biography, practising_since, photo_url. A field in both gets its value. A new fee
or currency is that of later bookings; a consultation keeps its own. A new specialty is also that of
the doctor''s open and booked slots. p_fee_minor: minor units of the currency; p_currency (ISO 4217)
requires it. Other arguments: see api.onboard_doctor. p_versions: the
entity tags of the row that the caller has read with api.get_doctor; * for any. Raises TM101, TM102,
TM201, TM204, TM208 (a new specialty, see app.require_fresh_snapshot), TM301, TM302, TM401, TM501,
TM601.';

grant execute on function api.update_doctor to telemed_api, telemed_dba;

commit;
