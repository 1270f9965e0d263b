begin;
\ir ../helpers/actors.psql
select plan(8);
reset role;

select is((app.account_named(v.name)).id, v.id, v.sentence)
from (values
    ('patient@clinic.test', pg_temp.id_of('patient'), 'an account is named by its e-mail address'),
    ('PATIENT@Clinic.test', pg_temp.id_of('patient'), 'in any case'),
    (pg_temp.id_of('patient')::text, pg_temp.id_of('patient'), 'or by its id'),
    (upper(pg_temp.id_of('patient')::text), pg_temp.id_of('patient'), 'in any case, too'),
    ('unknown@clinic.test', null, 'an address that nobody has names none'),
    ('patient', null, 'nor does a part of one'),
    ('', null, 'nor does an empty name'),
    (null, null, 'nor does a missing one')
) as v (name, id, sentence);

select * from finish();
rollback;
