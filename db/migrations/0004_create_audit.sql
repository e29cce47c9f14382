-- Every change leaves an event with its principal. Append-only; each event's hash covers the one before.

create table audit_event (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  principal text not null,
  role text not null,
  action text not null,
  subject_kind text not null,
  subject_id text not null,
  details jsonb not null default '{}',
  previous_hash text not null,
  hash text not null unique
);
create index audit_event_subject_kind_subject_id_idx on audit_event (subject_kind, subject_id);

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'audit events are append-only';
end;
$$;

create trigger audit_event_append_only before update or delete on audit_event
for each row execute function refuse_audit_change();
