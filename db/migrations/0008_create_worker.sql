-- Workers that are alive: a command hands its work to the queue only where somebody will take it.

create table worker (
  id text primary key,
  host_name text not null,
  process_id integer not null,
  started_at timestamptz not null,
  seen_at timestamptz not null
);
