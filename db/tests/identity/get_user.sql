begin;
\ir ../helpers/actors.psql
\ir ../helpers/reads.psql
select plan(7);

select pg_temp.id_of('patient') as patient \gset
select pg_temp.sign_in('admin');
select is(
    (u.id, u.email, u.role, u.full_name, u.deactivated_at)::text,
    format('(%s,patient@clinic.test,patient,"Patient patient",)', :'patient'),
    'get_user: an admin reads an account')
from api.get_user(:'patient') as u;
select is(pg_temp.refusal(v.actor, format('select api.get_user(%L)', v.id)), v.refusal,
    'get_user: ' || v.sentence)
from (values
    ('patient', :'patient', 'TM301', 'a patient is refused'),
    ('doctor', :'patient', 'TM301', 'a doctor is refused'),
    ('nobody', :'patient', 'TM101', 'a caller without a context is refused'),
    ('admin', gen_random_uuid()::text, 'TM406', 'an unknown account is refused'),
    ('admin', null, 'TM406', 'a null id is refused'))
    as v (actor, id, refusal, sentence);

-- In the access log
reset role;
select pg_temp.records_read('get_user', 'admin', format('%L', :'patient'), :'patient');

select * from finish();
rollback;
