-- Of which sources a sender of events may speak, as the organisation file says; one that stands in no row, of any. A sender is the principal
-- of its token, or the name of its secret, in lower case; a source that ends with * stands for all that begin so.
create table intake_sender (
  sender text not null check (sender = lower(sender)),
  source text not null check (source = lower(source)),
  primary key (sender, source)
);

-- What ran before a rollback: a deployment, or what a rollback before it brought back.
drop index inbound_event_deployment_idx;
create index inbound_event_deployment_idx on inbound_event (source, (attributes ->> 'environment'), occurred_at)
where kind = 'deployment' and status in ('succeeded', 'rolled_back');
