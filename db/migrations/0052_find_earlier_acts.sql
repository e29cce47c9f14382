-- Whether an act of an object waits for an earlier one, however many acts wait.
create index inbound_event_act_idx on inbound_event (source, object_id, id) where act is not null;
