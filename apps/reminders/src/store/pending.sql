-- Reminders that are still to come.
select count(*)::text from reminders where delivery_status = 'scheduled'
