begin;
\ir ../helpers/actors.psql
select plan(4);

-- Functions of api and ops are called with the first and the last times that PostgreSQL knows, and
-- with the last one of app.instant. The answer is a result, or a refusal that names what is wrong, and
-- never an error of arithmetic such as 22008 (timestamp out of range).
reset role;
create temp table sample (name text primary key, actor text not null, arguments jsonb not null)
on commit drop;
-- Arguments that reach the arithmetic of a function. A function without a row is called as each
-- actor, with null for its required parameters.
insert into sample values
('api.publish_slot', 'doctor',
 '{"p_starts_at": "2027-01-05 09:00+00", "p_ends_at": "2027-01-05 09:30+00"}'),
('api.publish_weekly_slots', 'doctor',
 '{"p_from": "2027-01-05", "p_to": "2027-01-12", "p_weekdays": "{1,2,3,4,5,6,7}",
   "p_start_time": "09:00", "p_end_time": "10:00", "p_slot_minutes": "30",
   "p_time_zone": "America/Los_Angeles"}'),
('api.preview_weekly_slots', 'doctor',
 '{"p_from": "2027-01-05", "p_to": "2027-01-12", "p_weekdays": "{1,2,3,4,5,6,7}",
   "p_start_time": "09:00", "p_end_time": "10:00", "p_slot_minutes": "30",
   "p_time_zone": "America/Los_Angeles"}'),
('api.my_schedule', 'doctor', '{"p_time_zone": "Asia/Tokyo"}'),
('api.take_time_off', 'doctor',
 '{"p_starts_at": "2027-02-05 09:00+00", "p_ends_at": "2027-02-05 09:30+00"}'),
('api.list_open_slots', 'patient', jsonb_build_object('p_doctor_id', pg_temp.id_of('doctor'))),
('api.find_open_slots', 'patient',
 '{"p_weekdays": "{1,2,3,4,5,6,7}", "p_between": "17:00-20:00",
   "p_time_zone": "America/Los_Angeles"}'),
('api.doctor_calendar', 'patient',
 jsonb_build_object('p_doctor_id', pg_temp.id_of('doctor'), 'p_time_zone', 'Asia/Tokyo')),
('api.clinic_analytics', 'admin', '{"p_time_zone": "Asia/Tokyo"}'),
('api.update_my_profile', 'patient', '{"p_versions": "{*}"}'),
('api.check_invariants', 'admin', '{}'),
('api.time_zone_data', 'nobody', '{}'),
('ops.row_history', 'nobody', '{"p_table": "users", "p_row_id": "none"}'),
('ops.drop_partitions', 'nobody', '{"p_table": "access_logs"}');

create temp table extreme (type regtype not null, value text not null) on commit drop;
insert into extreme values
('timestamptz', '-infinity'), ('timestamptz', 'infinity'),
('timestamptz', '4713-11-24 00:00:00+00 BC'),
('timestamptz', '294276-12-31 23:59:59.999999+00'),
('timestamptz', '9999-12-31 23:59:59.999999+00'),
('date', '-infinity'), ('date', 'infinity'), ('date', '4713-11-24 BC'), ('date', '5874897-12-31'),
('date', '294277-01-01'), ('date', '9999-12-31'),
('time', '24:00'),
('interval', '-178000000 years'), ('interval', '178000000 years'), ('interval', '10000 years');

create temp table parameter on commit drop as
select
    p.oid::regproc::text as name, n.nspname::text as schema_name, t.position,
    p.proargnames[t.position] as parameter, t.type::regtype as type,
    t.position <= p.pronargs - p.pronargdefaults as is_required
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
cross join lateral unnest(p.proargtypes) with ordinality as t (type, position)
where n.nspname in ('api', 'ops');
grant select on sample, extreme, parameter to telemed_api, telemed_dba;

-- A list of calls: the parameters of dates, instants and intervals get their sample and each extreme
-- value, in all combinations; a time of day gets its extreme value beside the samples of the others.
create function pg_temp.calls_of(p_name text)
returns setof jsonb language plpgsql
as $$
declare
    v_sample constant jsonb not null := coalesce((
        select jsonb_object_agg(p.parameter, null)
        from parameter as p where p.name = p_name and p.is_required), '{}')
        || coalesce((select s.arguments from sample as s where s.name = p_name), '{}');
    v_calls jsonb[] := array[v_sample];
    v_parameter record;
begin
    for v_parameter in
        select * from parameter as p
        where p.name = p_name and p.type in (select e.type from extreme as e)
        order by p.position
    loop
        v_calls := v_calls || array(
            select c.call || jsonb_build_object(v_parameter.parameter, e.value)
            from unnest(
                case v_parameter.type when 'time'::regtype then array[v_sample] else v_calls end
            ) as c (call)
            cross join extreme as e
            where e.type = v_parameter.type);
    end loop;
    return query select unnest(v_calls);
end;
$$;

create function pg_temp.unclear(p_schema text)
returns setof text language plpgsql
as $$
declare
    v_call record;
    v_refusal text;
begin
    for v_call in
        select
            a.name as actor,
            format('select %s(%s)', f.name,
                (select string_agg(format('%I => %L', e.key, e.value), ', ')
                 from jsonb_each_text(c.call) as e)) as sql
        from (
            select distinct p.name from parameter as p
            where p.schema_name = p_schema and p.type in (select e.type from extreme as e)
        ) as f
        left join sample as s on s.name = f.name
        cross join lateral unnest(
            case when s.actor is null then '{admin,doctor,patient}' else array[s.actor] end
        ) as a (name)
        cross join lateral pg_temp.calls_of(f.name) as c (call)
    loop
        v_refusal := pg_temp.refusal(v_call.actor, v_call.sql);
        if v_refusal !~ '^(TM|23502|23514)' then
            return next concat_ws(' ', v_refusal, v_call.sql);
        end if;
    end loop;
end;
$$;

select cmp_ok(
    (select count(distinct p.name) from parameter as p
     where p.type in (select e.type from extreme as e)),
    '>=', 19::bigint, 'there are functions that take a time');
select is_empty(
    $$ select name from sample except select name from parameter $$,
    'every function with a sample exists');
set local role telemed_api;
select is_empty(
    $$ select pg_temp.unclear('api') $$,
    'every function of api answers or refuses the first and the last times of the calendar');
set local role telemed_dba;
select is_empty(
    $$ select pg_temp.unclear('ops') $$,
    'every function of ops answers or refuses the first and the last times of the calendar');

select * from finish();
rollback;
