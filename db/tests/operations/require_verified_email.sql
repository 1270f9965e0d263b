begin;
\ir ../helpers/actors.psql
select plan(10);
select '$2b$04$' || repeat('a', 53) as hash,
    pg_temp.open_slot('doctor', '2027-01-05 09:00:00+00') as slot_1,
    pg_temp.open_slot('doctor', '2027-01-05 10:00:00+00') as slot_2 \gset

select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, null, %L)', :'slot_1', 'first')), null,
    'require_verified_email: after a deployment a patient without a verified address may book');
reset role;
set local role telemed_dba;
select is(ops.require_verified_email(true), true, 'require_verified_email: it returns p_required');
reset role;
select is(l.old ->> 'verified_email_required', 'false',
    'require_verified_email: the audit log has the change')
from app.audit_logs as l where l.table_name = 'clinic_settings' order by l.id desc limit 1;
set local role telemed_api;
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, null, %L)', :'slot_2', 'second')), 'TM303',
    'require_verified_email: then a patient without a verified address is refused');
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, null, %L)', :'slot_1', 'first')), null,
    'require_verified_email: a retry of an earlier booking still gets its answer');
select token from api.request_email_verification() \gset
select id from api.verify_email(:'token') \gset
select is(
    pg_temp.refusal('patient', format(
        'select api.book_consultation(%L, null, %L)', :'slot_2', 'second')), null,
    'require_verified_email: under the same key a patient with a verified address books');
reset role;
set local role telemed_dba;
select is(ops.require_verified_email(false), false,
    'require_verified_email: the requirement can be withdrawn');
select throws_ok(
    'select ops.require_verified_email(null)', 'TM201', null,
    'require_verified_email: null is refused');
set local role telemed_api;
select is(
    pg_temp.refusal('other_patient', format(
        'select api.book_consultation(%L, null, %L)',
        pg_temp.open_slot('doctor', '2027-01-05 11:00:00+00'), 'third')), null,
    'require_verified_email: then a patient without a verified address may book again');
select throws_ok(
    'select ops.require_verified_email(true)', '42501', null,
    'require_verified_email: the REST API cannot call it');

select * from finish();
rollback;
