-- What uploaded evidence may hold altogether, and what one name may add to it in a day. Files are append-only, so that whoever fills the room
-- fills it for good: the second limit gives people the days in which to see it.
alter table organisation
  add column evidence_bytes_max bigint not null default 5368709120 check (evidence_bytes_max >= 0),
  add column evidence_bytes_per_day_max bigint not null default 536870912 check (evidence_bytes_per_day_max >= 0);

-- Who brought the content first; unknown of what is older than this column.
alter table evidence_file add column stored_by text;

-- Sums of sizes, without reading what is small enough to stand in the row.
create index evidence_file_size_idx on evidence_file (stored_at) include (size_bytes, stored_by);
