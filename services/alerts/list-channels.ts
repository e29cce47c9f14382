/** Where alerts would go: every channel that the organisation names, with who named it; and what of the outbox waits for somebody. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';

export interface NamedChannel {
  readonly channel: string;
  /** `pod checkout`, `portfolio commerce`, `channels.finance`. */
  readonly namedBy: readonly string[];
}

export async function listChannels(db: Kysely<DB>): Promise<NamedChannel[]> {
  const { rows } = await sql<{ channel: string; named_by: string[] }>`
    select channel, array_agg(name order by place, name) as named_by from (
      select finance_channel as channel, 'channels.finance' as name, 1 as place from organisation
      union all
      select operators_channel, 'channels.operators', 2 from organisation
      union all
      select slack_channel, 'portfolio ' || id, 3 from portfolio where removed_at is null
      union all
      select slack_channel, 'pod ' || id, 4 from pod where removed_at is null
    ) as named
    where channel is not null group by channel order by channel
  `.execute(db);
  return rows.map((row) => ({ channel: row.channel, namedBy: row.named_by }));
}

/** Messages that will not be tried again by themselves. */
export async function countStuckMessages(db: Kysely<DB>): Promise<{ failed: number; unknown: number }> {
  const { rows } = await sql<{ failed: number; unknown: number }>`
    select count(*) filter (where state = 'failed')::int as failed, count(*) filter (where state = 'unknown')::int as unknown
    from message where state = 'failed' or state = 'unknown' and next_attempt_at is null
  `.execute(db);
  return rows[0] ?? { failed: 0, unknown: 0 };
}
