-- up
-- The days of a weekly pattern are of the seven there are, whoever writes them.
alter table recurrence_patterns add constraint recurrence_patterns_days
  check (days_of_week <@ array['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']);

-- down
alter table recurrence_patterns drop constraint recurrence_patterns_days;
