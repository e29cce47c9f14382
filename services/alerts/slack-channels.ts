/** The Slack channels that the organisation names, for whoever checks that they can be posted to. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { parseDestination } from '../kernel/destination.ts';

/** Each once, by its id. */
export async function listSlackChannels(db: Kysely<DB>): Promise<string[]> {
  const { rows } = await sql<{ channel: string }>`
    select channel from (
      select slack_channel as channel from pod where removed_at is null
      union select slack_channel from portfolio where removed_at is null
      union select finance_channel from organisation
      union select operators_channel from organisation
    ) as named where channel is not null order by channel
  `.execute(db);
  return rows.flatMap(({ channel }) => (parseDestination(channel)?.kind === 'slack' ? [channel] : []));
}
