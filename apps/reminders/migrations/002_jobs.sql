-- up
-- Which reminders stand as jobs with Dapr's scheduler.

alter table reminders
  add column job       bigint,        -- the version whose job stands; null when none does
  add column job_until timestamptz;   -- while an instance is bringing the job in step with the row

-- Rows whose job is not as it should be: a scheduled reminder has one of its version, any other has none.
create index reminders_out_of_step on reminders (remind_at)
  where job is distinct from case when delivery_status = 'scheduled' then version end;

-- down
drop index reminders_out_of_step;
alter table reminders drop column job, drop column job_until;
