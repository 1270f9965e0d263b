-- Deploy telemed:identity/update_my_profile to pg

begin;

create function api.update_my_profile(
    p_full_name text default null,
    p_phone text default null,
    p_date_of_birth date default null,
    p_language text default null,
    p_time_zone text default null
)
returns api.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_user api.users;
begin
    if p_date_of_birth > (app.clock() at time zone 'UTC')::date + 1 then
        raise exception 'The date of birth lies in the future'
            using errcode = 'TM201', column = 'date_of_birth';
    end if;
    if p_time_zone <> '' and not app.is_iana_time_zone(p_time_zone) then
        raise exception 'The time zone is not in the IANA time zone database'
            using errcode = 'TM204', column = 'time_zone';
    end if;

    update app.profiles
    set full_name = coalesce(p_full_name, full_name),
        phone = nullif(coalesce(p_phone, phone), ''),
        date_of_birth = coalesce(p_date_of_birth, date_of_birth),
        language = nullif(coalesce(p_language, language), ''),
        time_zone = nullif(coalesce(p_time_zone, time_zone), '')
    where user_id = v_actor.user_id;

    select * into strict v_user from api.users where id = v_actor.user_id;
    return v_user;
end;
$$;

comment on function api.update_my_profile(text, text, date, text, text) is
'Changes the caller''s profile. Null leaves a field as it is; an empty text removes the phone
number, the language or the time zone. p_language: a language tag of BCP 47 such as en or pt-BR;
p_time_zone: an IANA time zone. Raises TM101, TM102, TM201, TM204, TM302.';

grant execute on function api.update_my_profile(text, text, date, text, text)
to telemed_api, telemed_dba;

commit;
