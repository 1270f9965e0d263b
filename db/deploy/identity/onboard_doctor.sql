-- Deploy telemed:identity/onboard_doctor to pg

begin;

create function api.onboard_doctor(
    p_email text,
    p_password_hash text,
    p_full_name text,
    p_specialty text,
    p_time_zone text,
    p_fee_minor bigint,
    p_currency text,
    p_languages text[] default '{}',
    p_biography text default null,
    p_practising_since integer default null,
    p_photo_url text default null,
    p_idempotency_key text default null
)
returns api.doctors
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('admin');
    v_user_id uuid := app.uuid_v7();
    v_key app.idempotency_keys;
    v_doctor api.doctors;
begin
    -- The password is left out: its hash has another salt each time.
    v_key := app.claim_key(
        v_actor.user_id, 'onboard_doctor', p_idempotency_key,
        jsonb_build_object(
            'email', app.normal_email(p_email), 'full_name', normalize(p_full_name, nfc),
            'specialty', normalize(p_specialty, nfc), 'time_zone', p_time_zone,
            'fee_minor', p_fee_minor, 'currency', p_currency, 'languages', p_languages,
            'biography', normalize(p_biography, nfc), 'practising_since', p_practising_since,
            'photo_url', p_photo_url));
    if v_key.created_at is not null then
        return jsonb_populate_record(null::api.doctors, v_key.response);
    end if;

    -- A null time zone and null languages are refused like unknown ones.
    perform app.check_doctor(
        coalesce(p_time_zone, ''), p_currency, coalesce(p_languages, '{NULL}'), p_practising_since);

    perform app.create_user(v_user_id, p_email, p_password_hash, p_full_name, 'doctor');
    insert into app.doctors (
        user_id, specialty, time_zone, fee_minor, currency, languages, biography,
        practising_since, photo_url)
    values (
        v_user_id, p_specialty, p_time_zone, p_fee_minor, p_currency, p_languages, p_biography,
        p_practising_since, p_photo_url);

    select * into strict v_doctor from api.doctors where id = v_user_id;
    perform app.settle_key(v_key, v_user_id, to_jsonb(v_doctor));
    return v_doctor;
end;
$$;

comment on function api.onboard_doctor is
'Creates the account of a doctor. p_specialty: in the words of the doctor; one that is not listed
yet joins the list of specialties. p_time_zone: IANA name; p_fee_minor: fee of one consultation in
minor units of p_currency (ISO 4217). p_languages: at most 20 ISO 639-1 codes. p_practising_since: a
year. p_photo_url: an https address, which is never fetched. p_idempotency_key is optional; a replay
does not compare the password. For admins. Raises TM101, TM102, TM201, TM203, TM204, TM301, TM302,
TM911, TM991.';

grant execute on function api.onboard_doctor to telemed_api, telemed_dba;

commit;
