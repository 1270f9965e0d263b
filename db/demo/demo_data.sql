-- An invented clinic for development; all persons are fictitious.
--
--   psql -v password_hash='$2b$...' -f db/demo/demo_data.sql     (as a superuser, once)
--
-- The functions of api and ops write every row, so that no row exists that they would refuse.
-- Consultations of last week must be booked before they begin: until the end of this transaction
-- app.clock() reads the setting demo.clock. The examples of the OpenAPI document (api/examples.py) are
-- about rows with fixed ids: app.uuid_v7() returns the setting demo.next_id once. The last step
-- restores both functions.

\set ON_ERROR_STOP on
\set QUIET on

begin;

select set_config('demo.password_hash', :'password_hash', true) as ignored \gset
select set_config('demo.clock_definition', pg_get_functiondef('app.clock()'::regprocedure), true) as ignored \gset
select set_config('demo.id_definition', pg_get_functiondef('app.uuid_v7()'::regprocedure), true) as ignored \gset
select set_config('demo.today', (now() at time zone 'UTC')::date::text, true) as ignored \gset

create or replace function app.clock()
returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $$ select coalesce(nullif(current_setting('demo.clock', true), '')::timestamptz, statement_timestamp()) $$;

do $$
begin
    execute replace(
        current_setting('demo.id_definition'), 'FUNCTION app.uuid_v7', 'FUNCTION pg_temp.uuid_v7');
end;
$$;

create or replace function app.uuid_v7()
returns uuid
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id constant text := current_setting('demo.next_id', true);
begin
    perform set_config('demo.next_id', '', true);
    return coalesce(nullif(v_id, '')::uuid, pg_temp.uuid_v7());
end;
$$;

create function pg_temp.next_id(p_end text)
returns void
language sql
as $$ select set_config('demo.next_id', '019a0000-0000-7000-8000-00000000' || p_end, true) $$;

create temp table demo_doctor (
    email text, full_name text, specialty text, time_zone text, fee_minor bigint, currency text,
    languages text[], practising_since integer, biography text)
on commit drop;
insert into demo_doctor values
('doctor@example.com', 'Dr. Maren Holt', 'General practice', 'Europe/Berlin', 4500, 'EUR',
 '{de,en}', 2009, 'Family doctor. Long consultations for long stories.'),
('amara.osei@example.com', 'Dr. Amara Osei', 'General practice', 'Europe/London', 4000, 'GBP',
 '{en,fr}', 2015, 'Family doctor with an interest in travel medicine.'),
('pilar.ibarra@example.com', 'Dr. Pilar Ibarra', 'Cardiology', 'Europe/Madrid', 9000, 'EUR',
 '{es,en,pt}', 2001, 'Cardiologist: blood pressure, rhythm, prevention.'),
('henrik.dahl@example.com', 'Dr. Henrik Dahl', 'Cardiology', 'Europe/Oslo', 95000, 'NOK',
 '{nb,en}', 1996, 'Cardiologist. Sports and the heart.'),
('noor.rahimi@example.com', 'Dr. Noor Rahimi', 'Dermatology', 'Europe/Amsterdam', 7000, 'EUR',
 '{nl,fa,en}', 2018, 'Dermatologist: acne, eczema, moles.'),
('caleb.winter@example.com', 'Dr. Caleb Winter', 'Dermatology', 'America/New_York', 12000, 'USD',
 '{en,es}', 2006, 'Dermatologist. Skin cancer screening by photo and by video.'),
('yuki.tanabe@example.com', 'Dr. Yuki Tanabe', 'Paediatrics', 'Asia/Tokyo', 8000, 'JPY',
 '{ja,en}', 2012, 'Paediatrician and mother of three.'),
('sofia.lindqvist@example.com', 'Dr. Sofia Lindqvist', 'Paediatrics', 'Europe/Stockholm', 65000, 'SEK',
 '{sv,en,de}', 2004, 'Paediatrician: allergies and asthma.'),
('tomas.kral@example.com', 'Dr. Tomáš Král', 'Psychiatry', 'Europe/Prague', 180000, 'CZK',
 '{cs,sk,en}', 1998, 'Psychiatrist: sleep, anxiety, depression.'),
('lena.fischer@example.com', 'Dr. Lena Fischer', 'Psychiatry', 'Europe/Vienna', 11000, 'EUR',
 '{de,en,it}', 2011, 'Psychiatrist and psychotherapist.'),
('omar.haddad@example.com', 'Dr. Omar Haddad', 'Endocrinology', 'Asia/Amman', 35000, 'JOD',
 '{ar,en}', 2003, 'Endocrinologist: diabetes and thyroid.'),
('grace.mwangi@example.com', 'Dr. Grace Mwangi', 'Endocrinology', 'Africa/Nairobi', 450000, 'KES',
 '{sw,en}', 2016, 'Endocrinologist: diabetes in pregnancy.');

create temp table demo_patient (number serial, email text, full_name text) on commit drop;
insert into demo_patient (email, full_name) values ('patient@example.com', 'Robin Ashdown');
insert into demo_patient (email, full_name)
select lower(first || '.' || last) || '@example.com', first || ' ' || last
from unnest(array['Alma', 'Bruno', 'Carla', 'Dario', 'Edith', 'Farid', 'Gita', 'Hugo']) with ordinality as f (first, i)
cross join unnest(array['Novak', 'Petersen', 'Quist', 'Romero', 'Sand']) with ordinality as l (last, j)
order by j, i
limit 39;

do $$
declare
    v_today constant date := current_setting('demo.today')::date;
    v_hash constant text := current_setting('demo.password_hash');
    v_doctor demo_doctor;
    v_patient demo_patient;
    v_slot record;
    v_visit record;
    v_id uuid;
    v_booked integer := 0;
begin
    perform setseed(0.42);
    perform set_config('demo.clock', (v_today - 8)::text || ' 05:00:00+00', true);

    perform ops.create_admin('admin@example.com', v_hash, 'Ines Calder');
    for v_doctor in select * from demo_doctor loop
        if v_doctor.email = 'doctor@example.com' then
            perform pg_temp.next_id('0101');
        end if;
        perform ops.act_as('admin@example.com');
        perform api.onboard_doctor(
            v_doctor.email, v_hash, v_doctor.full_name, v_doctor.specialty,
            v_doctor.time_zone, v_doctor.fee_minor, v_doctor.currency, v_doctor.languages,
            v_doctor.biography, v_doctor.practising_since);
        perform ops.act_as(v_doctor.email);
        perform api.publish_weekly_slots(
            v_today - 7, v_today + 7, '{1,2,3,4,5}', '09:00', '12:00', 30);
        perform api.publish_weekly_slots(
            v_today - 7, v_today + 7, '{1,2,3,4}', '13:00', '16:00', 30);
    end loop;
    for v_patient in select * from demo_patient order by number loop
        if v_patient.number in (1, 40) then
            perform pg_temp.next_id(case when v_patient.number = 1 then '0201' else '0202' end);
        end if;
        perform api.sign_up(v_patient.email, v_hash, v_patient.full_name);
    end loop;

    -- About two hundred bookings; the first patient and the first doctor are among the busiest.
    for v_slot in
        select s.id, s.starts_at, s.ends_at
        from app.availability_slots as s
        inner join app.users as u on u.id = s.doctor_id
        order by random() * case when u.email = 'doctor@example.com' then 0.5 else 1 end
        limit 205
    loop
        select p.* into v_patient
        from demo_patient as p
        inner join app.users as u on u.email = p.email
        where not app.patient_is_busy(u.id, v_slot.starts_at, v_slot.ends_at)
          -- The bookings in the README need the first patient to be free from the fourth day on.
          and (p.number > 1 or v_slot.starts_at < v_today + 4)
        order by random() * case when p.number = 1 then 0.3 else 1 end
        limit 1;
        v_booked := v_booked + 1;
        perform ops.act_as(v_patient.email);
        perform api.book_consultation(
            v_slot.id,
            (array['A cough that does not go away', 'Follow-up', 'A rash on both arms', 'Trouble sleeping',
                   'Results of a blood test', 'Renewal of a prescription', null])[1 + v_booked % 7],
            'demo-booking-' || v_booked);
    end loop;

    -- One in eight is cancelled; the others in the past are completed.
    for v_visit in
        select
            c.id, c.starts_at, c.ends_at, c.fee_minor, c.currency, patient.email as patient,
            doctor.email as doctor, row_number() over (order by c.starts_at, c.id) as n
        from app.consultations as c
        inner join app.users as patient on patient.id = c.patient_id
        inner join app.users as doctor on doctor.id = c.doctor_id
        order by c.starts_at, c.id
    loop
        if v_visit.n % 8 = 0 then
            perform set_config('demo.clock',
                least(v_visit.starts_at - interval '5 hours', now())::text, true);
            perform ops.act_as(case when v_visit.n % 16 = 0 then v_visit.patient else v_visit.doctor end);
            perform api.cancel_consultation(v_visit.id, 'Something came up');
        elsif v_visit.ends_at < now() then
            perform set_config('demo.clock', v_visit.ends_at::text, true);
            perform ops.act_as(v_visit.doctor);
            perform api.complete_consultation(v_visit.id, 'Seen by video. Advice given.');
            if v_visit.n % 2 = 0 then
                perform api.issue_prescription(
                    v_visit.id,
                    case when v_visit.n % 4 = 0
                        then '[{"drug": "Examplol", "dosage": "20 mg", "instructions": "One tablet in the morning", "duration_days": 14},
                               {"drug": "Placebin", "dosage": "5 ml", "instructions": "Three times a day, after meals", "duration_days": 7}]'
                        else '[{"drug": "Demoxan", "dosage": "100 mg", "instructions": "When needed, at most twice a day"}]'
                    end::jsonb);
            end if;
            if v_visit.n % 5 <> 0 then
                perform set_config('demo.clock', (v_visit.ends_at + interval '10 minutes')::text, true);
                perform ops.act_as('admin@example.com');
                select p.id into v_id from api.record_payment(
                    v_visit.id, v_visit.fee_minor, v_visit.currency, 'card',
                    'demo-' || v_visit.n, null, 'demo-payment-' || v_visit.n) as p;
                if v_visit.n % 9 = 0 then
                    perform api.refund_payment(
                        v_id, v_visit.fee_minor / 2, 'Goodwill', 'demo-refund-' || v_visit.n);
                end if;
            end if;
        end if;
    end loop;
end;
$$;

-- What the examples of the OpenAPI document are about. On Sundays nobody else has slots.
do $$
declare
    v_today constant date := current_setting('demo.today')::date;
    v_monday constant timestamp := date_trunc('week', v_today::timestamp);
    v_past constant timestamptz := (v_monday - interval '16 hours') at time zone 'UTC';
    v_future constant timestamptz := (v_monday + interval '41 days 8 hours') at time zone 'UTC';
    v_slot record;
begin
    perform set_config('demo.clock', (v_today - 8)::text || ' 06:00:00+00', true);
    for v_slot in
        select * from (values
            ('0301', null, v_future),
            ('0302', null, v_future + interval '30 minutes'),
            ('0303', null, v_future + interval '1 hour'),
            ('0304', '0401', v_past),
            ('0305', '0402', v_past + interval '30 minutes'),
            ('0306', '0403', v_future + interval '90 minutes'),
            ('0307', '0404', v_future + interval '2 hours')
        ) as v (slot, consultation, starts_at)
    loop
        perform ops.act_as('doctor@example.com');
        perform pg_temp.next_id(v_slot.slot);
        perform api.publish_slot(v_slot.starts_at, v_slot.starts_at + interval '30 minutes');
        if v_slot.consultation is not null then
            perform ops.act_as('patient@example.com');
            perform pg_temp.next_id(v_slot.consultation);
            perform api.book_consultation(
                ('019a0000-0000-7000-8000-00000000' || v_slot.slot)::uuid, 'A rash',
                'example-' || v_slot.consultation);
        end if;
    end loop;

    perform set_config('demo.clock', (v_past + interval '30 minutes')::text, true);
    perform ops.act_as('doctor@example.com');
    perform api.complete_consultation('019a0000-0000-7000-8000-000000000401', 'Eczema');
    perform pg_temp.next_id('0701');
    perform api.issue_prescription(
        '019a0000-0000-7000-8000-000000000401',
        '[{"drug": "Ibuprofen", "dosage": "400 mg", "instructions": "After meals", "duration_days": 7}]',
        'With water');
    perform pg_temp.next_id('0601');
    perform api.take_time_off(v_future - interval '8 hours', v_future, 'Holiday');
    -- The zone of the console's pages
    perform api.update_my_profile(
        p_time_zone => 'Europe/Berlin', p_versions => '{*}');
    perform ops.act_as('patient@example.com');
    perform api.update_my_profile(
        p_time_zone => 'Europe/London', p_versions => '{*}');
    perform ops.act_as('admin@example.com');
    perform api.update_my_profile(
        p_time_zone => 'Europe/Berlin', p_versions => '{*}');
    perform pg_temp.next_id('0501');
    perform api.record_payment(
        '019a0000-0000-7000-8000-000000000401', 2000, 'EUR', 'card', null, null, 'example-payment');
end;
$$;

do $$
begin
    execute current_setting('demo.clock_definition');
    execute current_setting('demo.id_definition');
end;
$$;

commit;
