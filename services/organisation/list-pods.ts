/** The pods that the database knows, by id, page by page; those that left the organisation file are still there, with the date. */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type OpenDrift, readOpenDrift } from '../drift/open-drift.ts';

export interface PodView {
  readonly podId: string;
  readonly name: string;
  readonly kind: 'delivery' | 'platform' | 'central';
  readonly portfolio: string | null;
  readonly ownerEmail: string | null;
  readonly financePartnerEmail: string | null;
  readonly costCentre: string | null;
  /** Where its alerts go: a Slack channel id, mailto:ADDRESS, teams:NAME or webhook:NAME. */
  readonly channel: string | null;
  readonly slackChannel: string | null;
  readonly activeFrom: string | null;
  readonly activeUntil: string | null;
  readonly removedAt: string | null;
  /** How far it has drifted above what was approved; null where it has not. */
  readonly drift: OpenDrift | null;
}

/** At most `limit` pods after the pod `after`, by the primary key. */
export async function listPods(
  db: Kysely<DB>,
  options: { portfolio?: string; after: string | null; limit: number },
): Promise<PodView[]> {
  const { portfolio, after } = options;
  const rows = await db
    .selectFrom('pod')
    .selectAll()
    .$if(after !== null, (query) => query.where('id', '>', after ?? ''))
    .$if(portfolio !== undefined, (query) => query.where('portfolio_id', '=', portfolio ?? ''))
    .orderBy('id')
    .limit(options.limit)
    .execute();
  const drifts = await readOpenDrift(
    db,
    rows.map((row) => row.id),
  );
  return rows.map((row) => ({
    podId: row.id,
    name: row.name,
    kind: row.kind as PodView['kind'],
    portfolio: row.portfolio_id,
    ownerEmail: row.owner_email,
    financePartnerEmail: row.finance_partner_email,
    costCentre: row.cost_centre,
    channel: row.slack_channel,
    slackChannel: row.slack_channel?.includes(':') === true ? null : row.slack_channel,
    activeFrom: row.active_from,
    activeUntil: row.active_until,
    removedAt: row.removed_at?.toISOString() ?? null,
    drift: drifts.get(row.id) ?? null,
  }));
}
