"""Makes a clinic with any number of past consultations, in minutes."""

from __future__ import annotations

import psycopg

from scripts.cluster import TEMPLATE
from scripts.server import Cluster

DOCTORS, PATIENTS = 500, 20_000
# Triggers and foreign keys are off, for speed: the rows satisfy the rules by construction.
PEOPLE = """
set session_replication_role = replica;
create schema scale;
create table scale.people as
select n, case when n <= {doctors} then 'doctor' else 'patient' end as role, app.uuid_v7() as id,
       app.uuid_v7() as session_id
  from generate_series(1, {doctors} + {patients}) as n;
insert into app.users (id, email, password_hash, role)
select id, role || n || '@scale.test', '$2b$04$' || repeat('a', 53), role from scale.people;
insert into app.profiles (user_id, full_name) select id, 'Name ' || n from scale.people;
insert into app.specialties (code, name)
select 'specialty_' || n, 'Specialty ' || n from generate_series(0, 19) as n;
insert into app.doctors (
    user_id, full_name, specialty, time_zone, fee_minor, currency, specialty_code, languages,
    search_text)
select id, 'Name ' || n, 'Specialty ' || n % 20, 'UTC', 5000, 'EUR', 'specialty_' || n % 20,
       case when n % 25 = 0 then '{{de,es}}' else '{{de}}' end::text[],
       format('name %s specialty %s german%s', n, n % 20, case when n % 25 = 0 then ' spanish' end)
  from scale.people where role = 'doctor';
insert into app.sessions (id, user_id) select session_id, id from scale.people;
alter table scale.people add primary key (n);
-- An id with the time at which the row would have been made.
create function scale.id_at(p_at timestamptz) returns uuid language sql volatile as $$
    select encode(overlay(uuid_send(app.uuid_v7()) placing substring(
        int8send((extract(epoch from p_at) * 1000)::bigint) from 3) from 1 for 6), 'hex')::uuid
$$;
"""
# Half an hour each, back to back for each doctor; one in ten is cancelled. Simultaneous ones
# have different patients.
PAST = """
set session_replication_role = replica;
create temp table past as
select scale.id_at(at) as slot_id, scale.id_at(at) as id, d.id as doctor_id, p.id as patient_id,
       at, i % 10 = 0 as cancelled, d.n as doctor
  from generate_series({first}::bigint, {last}) as g (i)
 cross join lateral (
     select date_trunc('hour', now()) - interval '1 day'
            - (({rows} - i) / {doctors}) * interval '30 minutes' as at) as t
  join scale.people as d on d.n = 1 + i % {doctors}
  join scale.people as p on p.n = {doctors} + 1 + (i * 7) % {patients};
insert into app.availability_slots (
    id, doctor_id, starts_at, ends_at, specialty, status, created_at)
select slot_id, doctor_id, at, at + interval '30 minutes', 'specialty_' || doctor % 20,
       case when cancelled then 'open' else 'booked' end, at - interval '7 days' from past;
insert into app.consultations (id, slot_id, doctor_id, patient_id, starts_at, ends_at, status,
    reason, fee_minor, currency, created_at, updated_at, completion_digest)
select id, slot_id, doctor_id, patient_id, at, at + interval '30 minutes',
       case when cancelled then 'cancelled' else 'completed' end, 'A reason', 5000, 'EUR',
       at - interval '7 days', at, case when not cancelled then sha256('') end from past;
drop table past;
"""
FUTURE = """
set session_replication_role = replica;
insert into app.availability_slots (doctor_id, starts_at, ends_at, specialty)
select d.id, at, at + interval '15 minutes', 'specialty_' || d.n % 20
  from scale.people as d
 cross join generate_series(date_trunc('day', now()) + interval '2 days',
     date_trunc('day', now()) + interval '2 days' + {each} * interval '15 minutes',
     interval '15 minutes') as at
 where d.role = 'doctor';
"""
BATCH = 500_000


def make_past(
    cluster: Cluster,
    database: str,
    rows: int,
    future_slots: int = 80,
    *,
    doctors: int = DOCTORS,
    patients: int = PATIENTS,
    then: str = "",
) -> None:
    """Make a database with `rows` past consultations and with open future slots of each doctor.

    then: further statements, in which triggers and foreign keys are off as well.
    """
    cluster.create_database(database, TEMPLATE)
    numbers = {"doctors": doctors, "patients": patients, "rows": rows, "each": future_slots}
    with psycopg.connect(cluster.url(database), autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute(PEOPLE.format(**numbers).encode())
        for first in range(1, rows + 1, BATCH):
            last = min(rows, first + BATCH - 1)
            connection.execute(PAST.format(**numbers, first=first, last=last).encode())
        connection.execute(FUTURE.format(**numbers).encode())
        for statement in filter(None, then.split(";\n")):
            connection.execute(statement.encode())
        # Without triggers, the audit log has nothing to fold.
        connection.execute("set session_replication_role = origin")
        connection.execute("select app.add_missing_events()")
        connection.execute("select ops.rebuild_activity()")
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
