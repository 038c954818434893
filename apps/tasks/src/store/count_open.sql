-- How many tasks are still to be done. Its index answers it: `tasks_by_status` holds what is asked for, of tasks that are not deleted.
select count(*)::text from tasks t where t.deleted_at is null and t.status <> 'completed'
