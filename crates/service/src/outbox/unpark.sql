-- The broker answers again: whatever failed before may be tried at once.
update outbox_events set next_attempt_at = now() where published_at is null and attempts > 0 and next_attempt_at > now()
