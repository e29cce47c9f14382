/**
 * Freezes the value report of a period: one row per pod and one of the unattributed, with what each pod was then, and the heading they
 * stand under. What is read back is held against what was built.
 */
import assert from 'node:assert/strict';
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { canonicalJson } from '../attribution/canonical-json.ts';
import type { ValueHeading, ValuePerPod } from '../reports/compose-value.ts';
import { frozenValuePerPod } from './frozen-value.ts';

/** Stores the report as the one of a statement; gives it as it will be answered from now on. */
export async function freezeReport(
  trx: Transaction<DB>,
  statementId: number,
  built: ValuePerPod,
): Promise<ValuePerPod> {
  const { period, currency, costMetric, revenueBasis, dataAsOf, rulebook, pods, unattributed } = built;
  const heading: ValueHeading = {
    period,
    currency,
    costMetric,
    revenueBasis,
    state: 'closed',
    statementId: String(statementId),
    dataAsOf,
    rulebook,
  };
  await sql`update statement set heading = ${JSON.stringify(heading)} where id = ${statementId}`.execute(trx);
  const rows: readonly { id: string | null; content: object }[] = [
    ...pods.map((pod) => ({ id: pod.podId, content: pod })),
    { id: null, content: unattributed },
  ];
  await sql`
    insert into statement_pod (statement_id, pod_id, name, kind, portfolio_id, owner_email, cost_centre, content)
    select ${statementId}::integer, row.pod_id, pod.name, pod.kind, pod.portfolio_id, pod.owner_email, pod.cost_centre, row.content
    from unnest(${rows.map((row) => row.id)}::text[], ${rows.map((row) => JSON.stringify(row.content))}::text[]) as row (pod_id, content)
    left join pod on pod.id = row.pod_id
  `.execute(trx);
  const frozen = await frozenValuePerPod(trx, statementId);
  const { state: _state, statementId: _id, ...figures } = frozen;
  const { state: _openState, statementId: _openId, ...expected } = built;
  assert.equal(canonicalJson(figures), canonicalJson(expected), 'a frozen report must be the report that was built');
  return frozen;
}
