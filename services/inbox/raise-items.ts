/** Raises in finance's inbox: those that wait for a decision, and those whose time is over. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { describeScope, toScope } from '../envelopes/envelope-versions.ts';
import { listRaiseRequests } from '../envelopes/raise-rows.ts';
import { type Decimal, subtract } from '../kernel/decimal.ts';
import { type IsoDate, utcDate } from '../kernel/period.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import type { InboxItem } from './list-inbox.ts';
import { setCommand } from './set-command.ts';

export async function readRaiseItems(db: Kysely<DB>, at: Date): Promise<InboxItem[]> {
  const pending = await listRaiseRequests(db, { state: 'pending', at });
  return pending.map((request) => ({
    kind: 'raise-request',
    id: request.requestId,
    scope: request.scope,
    period: request.period,
    since: request.requestedAt,
    amount: subtract(request.limit, request.presentLimit),
    currency: request.currency,
    amountOf: 'raise',
    sentence:
      `${request.requestedBy} asks to raise the envelope of ${describeScope(request.scope)} for ${request.period} from ` +
      `${request.presentLimit} to ${request.limit} ${request.currency}: ${request.reason}`,
    settle: [
      `outturn envelopes grant ${request.requestId}`,
      `outturn envelopes refuse ${request.requestId} --reason "…"`,
    ],
    calls: [`POST /api/v1/raises/${request.requestId}/grant`, `POST /api/v1/raises/${request.requestId}/refuse`],
  }));
}

/** Raises that were granted for a time that is over, where the former limit would still hold what is spent: whether it falls back is a decision. */
export async function readPastRaiseItems(db: Kysely<DB>, at: Date): Promise<InboxItem[]> {
  const today = utcDate(at);
  const { rows } = await sql<PastRaiseRow>`
    select raise.id, raise.requested_by, raise.needed_until, scope_kind, scope_id, period_id, counts, granted.currency,
      trim_scale(granted.envelope_limit) as "limit", trim_scale(former.envelope_limit) as former_limit
    from raise_request as raise
    join envelope on envelope.id = raise.envelope_id and withdrawn_at is null and period_end > ${today}::date
    join envelope_version as granted on granted.envelope_id = envelope.id and granted.version = raise.granted_version
    join envelope_version as former on former.envelope_id = envelope.id and former.version = raise.asked_version
    join envelope_state as standing on standing.envelope_id = envelope.id and closed_at is null
    where raise.state = 'granted' and raise.needed_until < ${today}::date
      and granted.version = (select max(version) from envelope_version where envelope_id = envelope.id)
      and former.currency = granted.currency and former.envelope_limit < granted.envelope_limit
      and coalesce(standing.actual, 0) < former.envelope_limit
  `.execute(db);
  return rows.map((row) => {
    const scope = toScope(row.scope_kind, row.scope_id);
    const set = { scope, period: row.period_id, counts: row.counts, currency: row.currency };
    return {
      kind: 'raise-past',
      id: row.id,
      scope,
      period: row.period_id,
      since: row.needed_until,
      amount: subtract(row.limit, row.former_limit),
      currency: row.currency,
      amountOf: 'raise',
      sentence:
        `${row.requested_by} needed ${row.limit} instead of ${row.former_limit} ${row.currency} for ${describeScope(scope)} in ${row.period_id} ` +
        `until ${row.needed_until}; the limit is still raised.`,
      settle: [
        setCommand({ ...set, limit: row.former_limit }),
        `${setCommand({ ...set, limit: row.limit })} --approval "…"`,
      ],
      calls: ['POST /api/v1/envelopes'],
    };
  });
}

interface PastRaiseRow {
  id: string;
  requested_by: string;
  needed_until: IsoDate;
  scope_kind: EnvelopeScope['kind'];
  scope_id: string | null;
  period_id: string;
  counts: 'controlled' | 'loaded';
  currency: string;
  limit: Decimal;
  former_limit: Decimal;
}
