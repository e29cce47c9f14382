-- The bytes of uploaded evidence, and notes that people sign.

-- Bytes are kept once, by their hash. They stand in the database so that a file and the evidence that names it are one transaction and one
-- backup, and row-level security guards both. What they are called and taken for stands with the evidence, since one content may be several.
create table evidence_file (
  sha256 text primary key,
  size_bytes integer not null check (size_bytes between 1 and 10485760),
  content bytea not null,
  stored_at timestamptz not null,
  check (sha256 = encode(sha256(content), 'hex')),
  check (size_bytes = octet_length(content))
);
-- Documents and pictures are compressed already.
alter table evidence_file alter column content set storage external;

create function refuse_evidence_file_change() returns trigger language plpgsql as $$
begin
  raise exception 'uploaded evidence is append-only';
end;
$$;

create trigger evidence_file_append_only before update or delete on evidence_file
for each row execute function refuse_evidence_file_change();

create index outcome_evidence_uri_idx on outcome_evidence (uri);
create index outcome_evidence_sha256_idx on outcome_evidence (sha256) where kind = 'file';

grant select on evidence_file to outturn_pod;

-- Through an upload only: the hash of a link is what somebody states, and stating one must not open the file.
alter table evidence_file enable row level security;
create policy pod_reads_its_files on evidence_file for select to outturn_pod
using (exists (select from outcome_evidence where outcome_evidence.kind = 'file' and outcome_evidence.sha256 = evidence_file.sha256));

-- What somebody says, with their name, about a period, a pod, a figure, or any of these together. It is never changed: a later note may
-- withdraw it.
create table note (
  id bigint generated always as identity primary key,
  period_id text,
  period_start date,
  period_end date,
  pod_id text references pod (id),
  -- A figure by its name in the reports, such as value.verified.
  figure text,
  text text not null check (length(text) between 1 and 4000),
  withdraws bigint unique references note (id),
  signed_by text not null,
  signed_role text not null,
  signed_at timestamptz not null,
  check ((period_id is null) = (period_start is null) and (period_id is null) = (period_end is null)),
  check (period_start < period_end),
  check (period_id is not null or pod_id is not null or figure is not null),
  check (withdraws < id)
);
create index note_period_start_idx on note (period_start, period_end);
create index note_pod_id_idx on note (pod_id);

create function refuse_note_change() returns trigger language plpgsql as $$
begin
  raise exception 'a signed note is append-only';
end;
$$;

create trigger note_append_only before update or delete on note for each row execute function refuse_note_change();

grant select on note to outturn_pod;

alter table note enable row level security;
create policy pod_reads_its_notes on note for select to outturn_pod using (pod_id = any (readable_pods()));
