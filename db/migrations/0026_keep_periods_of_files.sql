-- The billing period that a file's delivery said it is of: its lines may bill others, which are whole only together with their deliveries.
-- Null where only the lines tell, and for files that were fetched before this was kept.
alter table source_file add column period_start date;
alter table source_file add column period_end date;
alter table source_file add check ((period_start is null) = (period_end is null));
