-- Step 5: what may take its time. Run as a superuser, because the owner, upon whom row-level
-- security is forced, would compare no row at all.

set search_path = pg_catalog, pg_temp;
set lock_timeout = '2s';

select format('alter table %s validate constraint %I', k.conrelid::regclass, k.conname)
from pg_constraint as k
where k.confrelid = 'app.consultations'::regclass and not k.convalidated and k.conparentid = 0
\gexec

-- The constraints that guarded the one table. What they forbade app.consultation_holds forbids.
select format('alter table %s drop constraint %I', k.conrelid::regclass, k.conname)
from pg_constraint as k
inner join pg_inherits as i on i.inhrelid = k.conrelid
where i.inhparent = 'app.consultations'::regclass and k.contype = 'x'
\gexec
select format('drop index concurrently %s', x.indexrelid::regclass)
from pg_index as x
inner join pg_inherits as i on i.inhrelid = x.indrelid
where i.inhparent = 'app.consultations'::regclass and x.indisunique and not x.indisprimary
\gexec

analyze app.consultations;
