/**
 * The value report of a closed period as its statement froze it: the rows as they were stored, put together again. A pod's token reads
 * its own rows only, by row-level security, and totals are then of these.
 */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import {
  composeValuePerPod,
  NOTHING_UNATTRIBUTED,
  type ValueHeading,
  type ValuePerPod,
  type ValuePerPodRow,
} from '../reports/compose-value.ts';
import type { PodEnvelope } from '../reports/pod-envelopes.ts';

/** The report of a statement. */
export async function frozenValuePerPod(db: Kysely<DB>, statementId: number): Promise<ValuePerPod> {
  const { heading } = await db
    .selectFrom('statement')
    .select('heading')
    .where('id', '=', statementId)
    .executeTakeFirstOrThrow();
  const { rows } = await sql<{ pod_id: string | null; content: string }>`
    select pod_id, content from statement_pod where statement_id = ${statementId} order by pod_id collate "C"
  `.execute(db);
  const unattributed = rows.find((row) => row.pod_id === null);
  return composeValuePerPod(JSON.parse(heading) as ValueHeading, {
    rows: rows.flatMap((row) => (row.pod_id === null ? [] : [JSON.parse(row.content) as ValuePerPodRow])),
    unattributed:
      unattributed === undefined
        ? NOTHING_UNATTRIBUTED
        : { ...NOTHING_UNATTRIBUTED, ...(JSON.parse(unattributed.content) as Partial<ValuePerPod['unattributed']>) },
  });
}

/** The envelopes of a closed period as its statement found them, by pod: they go on moving, and a closed report does not. */
export async function frozenEnvelopes(db: Kysely<DB>, statementId: number): Promise<Map<string, PodEnvelope>> {
  const { pods } = await frozenValuePerPod(db, statementId);
  return new Map(pods.flatMap(({ podId, envelope }) => (envelope === null ? [] : [[podId, envelope] as const])));
}
