/** How intake stands, by source: what came last, what waits, what failed, what is known to be missing; and the nightly looks. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

export interface IntakeSource {
  readonly source: string;
  /** When something last came; null where nothing has. */
  readonly lastAt: Date | null;
  /** Not looked at yet. */
  readonly received: number;
  readonly unmapped: number;
  readonly failed: number;
  /** Of a sender of events: whether the organisation file says of which sources it may speak. */
  readonly isBound: boolean;
  /** Deliveries known to have failed that have not come since. */
  readonly gap: number;
}

export interface IntakeSweep {
  readonly hook: string;
  readonly lookedAt: Date | null;
  readonly error: string | null;
}

/** Small by its indexes: what waits, and the newest event of each source. */
export async function readIntakeStatus(db: Kysely<DB>): Promise<{ sources: IntakeSource[]; sweeps: IntakeSweep[] }> {
  const { rows: sources } = await sql<IntakeSource>`
    -- One step of the index per source, however many events there are.
    with recursive source as (
      (select source from inbound_event order by source limit 1)
      union all
      select (select inbound_event.source from inbound_event where inbound_event.source > source.source order by inbound_event.source limit 1)
      from source where source.source is not null
    ), known as (
      select source from source where source is not null union select distinct source from intake_gap
    ), waiting as (
      select source, count(*) filter (where state = 'received')::int as received, count(*) filter (where state = 'unmapped')::int as unmapped,
        count(*) filter (where state = 'failed')::int as failed
      from inbound_event where state in ('received', 'unmapped', 'failed') group by source
    )
    select known.source, (select max(received_at) from inbound_event where inbound_event.source = known.source) as "lastAt",
      coalesce(received, 0) as received, coalesce(unmapped, 0) as unmapped, coalesce(failed, 0) as failed,
      exists (select from intake_sender where known.source = 'events/' || sender) as "isBound",
      (select count(*)::int from intake_gap where intake_gap.source = known.source) as gap
    from known left join waiting on waiting.source = known.source order by known.source
  `.execute(db);
  const { rows: sweeps } = await sql<IntakeSweep>`
    select hook, looked_at as "lookedAt", error from intake_sweep order by hook
  `.execute(db);
  return { sources, sweeps };
}
