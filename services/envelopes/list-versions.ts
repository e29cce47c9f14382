/** An envelope's history: every version with who approved it, how and on what reference, and every raise that was asked for. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import type { CostMetric } from '../attribution/rulebook.ts';
import type { Decimal } from '../kernel/decimal.ts';
import { AppError } from '../kernel/errors.ts';
import type { IsoDate } from '../kernel/period.ts';
import { COMMANDS, worded } from '../kernel/wording.ts';
import type { EnvelopeScope } from '../organisation/organisation.ts';
import { toScope } from './envelope-versions.ts';
import { listRaiseRequests, type RaiseRequest } from './raise-rows.ts';

export interface ListedVersion {
  readonly version: number;
  readonly limit: Decimal;
  readonly currency: string;
  readonly costMetric: CostMetric;
  readonly rungs: readonly Decimal[];
  readonly method: 'granted' | 'asserted';
  readonly approvedBy: string | null;
  readonly approvedOn: IsoDate;
  readonly approval: string | null;
  readonly patterns: readonly string[];
  /** Who wrote it down: whoever applied the file, decided, or asked for what was delegated. */
  readonly recordedBy: string;
  readonly recordedAt: string;
  /** The raise that it granted. */
  readonly requestId: string | null;
  /** The exchange rates that it keeps. */
  readonly rates: readonly { readonly currency: string; readonly rate: Decimal }[];
}

export interface EnvelopeHistory {
  readonly envelopeId: string;
  readonly scope: EnvelopeScope;
  readonly period: string;
  readonly counts: 'controlled' | 'loaded';
  /** When the file or an activation took it back; null while it stands. */
  readonly withdrawnAt: string | null;
  /** Oldest first. */
  readonly versions: readonly ListedVersion[];
  /** Newest first. */
  readonly raises: readonly RaiseRequest[];
}

/** `at` is the day whose approvers waiting raises name. @throws AppError not_found, also where the reader may not see it. */
export async function readEnvelopeHistory(db: Kysely<DB>, envelopeId: string, at: Date): Promise<EnvelopeHistory> {
  const { rows } = await sql<HistoryRow>`
    select envelope.id, scope_kind, scope_id, period_id, counts, withdrawn_at, version.version,
      trim_scale(version.envelope_limit) as envelope_limit, version.currency, version.cost_metric, version.rungs, version.method,
      version.approved_by, version.approved_on, version.approval, version.pattern_ids, version.applied_by, version.created_at,
      (select raise_request.id from raise_request
        where raise_request.envelope_id = envelope.id and granted_version = version.version order by decided_at limit 1) as request_id,
      coalesce((select jsonb_agg(jsonb_build_object('currency', from_currency, 'rate', trim_scale(rate)::text) order by from_currency)
        from envelope_version_rate as kept
        where kept.envelope_id = envelope.id and kept.version = version.version), '[]') as rates
    from envelope join envelope_version as version on version.envelope_id = envelope.id
    where envelope.id::text = ${envelopeId}
    order by version.version
  `.execute(db);
  const [first] = rows;
  if (first === undefined) {
    throw new AppError(
      'not_found',
      worded`There is no envelope ${envelopeId}. ${COMMANDS.envelopes} lists them with their ids.`,
    );
  }
  return {
    envelopeId: first.id,
    scope: toScope(first.scope_kind, first.scope_id),
    period: first.period_id,
    counts: first.counts,
    withdrawnAt: first.withdrawn_at?.toISOString() ?? null,
    versions: rows.map((row) => ({
      version: row.version,
      limit: row.envelope_limit,
      currency: row.currency,
      costMetric: row.cost_metric,
      rungs: row.rungs,
      method: row.method,
      approvedBy: row.approved_by,
      approvedOn: row.approved_on,
      approval: row.approval,
      patterns: row.pattern_ids,
      recordedBy: row.applied_by,
      recordedAt: row.created_at.toISOString(),
      requestId: row.request_id,
      rates: row.rates,
    })),
    raises: await listRaiseRequests(db, { envelopeId, at }),
  };
}

interface HistoryRow {
  id: string;
  scope_kind: EnvelopeScope['kind'];
  scope_id: string | null;
  period_id: string;
  counts: 'controlled' | 'loaded';
  withdrawn_at: Date | null;
  version: number;
  envelope_limit: Decimal;
  currency: string;
  cost_metric: CostMetric;
  rungs: Decimal[];
  method: 'granted' | 'asserted';
  approved_by: string | null;
  approved_on: IsoDate;
  approval: string | null;
  pattern_ids: string[];
  applied_by: string;
  created_at: Date;
  request_id: string | null;
  rates: { currency: string; rate: Decimal }[];
}
