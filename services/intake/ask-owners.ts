/** Asks the owner of an outcome whose evidence broke whether its value still holds: one message per outcome and event, in its pods' channel. */
import { sql, type Transaction } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { cutEscaped, escapeForeign, SECTION_LENGTH_MAX } from '../alerts/slack-text.ts';
import type { TouchedEvidence } from '../evidence/break-evidence.ts';

const REASON_LENGTH_MAX = 500;

interface Asked {
  readonly outcome_id: string;
  readonly title: string;
  readonly owner_email: string;
  readonly pod_id: string;
}

/** Candidates are nobody's claim yet: nobody is asked about them. */
export async function askOwners(
  trx: Transaction<DB>,
  given: { eventId: string; reason: string; broken: readonly TouchedEvidence[]; at: Date },
): Promise<void> {
  const { eventId, reason, broken, at } = given;
  if (broken.length === 0) return;
  const { rows: asked } = await sql<Asked>`
    select outcome.id::text as outcome_id, title, owner_email, share.pod_id
    from outcome
    -- Whose part is largest hears of it.
    cross join lateral (select pod_id from outcome_share where outcome_id = outcome.id order by basis_points desc, pod_id limit 1) as share
    where outcome.id = any (${broken.map(({ outcomeId }) => outcomeId)}::bigint[])
      and state in ('claimed', 'in_review', 'verified', 'partially_verified', 'review_due')
  `.execute(trx);
  const rows = asked.map((row) => {
    const text = describe(row, reason);
    const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: cutEscaped(text, SECTION_LENGTH_MAX) } }];
    return { scope_id: row.pod_id, text, blocks, once_key: `evidence-broken/${row.outcome_id}/${eventId}` };
  });
  await sql`
    insert into message (id, kind, state, scope_kind, scope_id, alert_id, is_urgent, text, blocks, next_attempt_at, created_at, once_key)
    select id, 'evidence-broken', 'pending', 'pod', scope_id, id, false, text, blocks, ${at.toISOString()}, ${at.toISOString()}, once_key
    from (
      select gen_random_uuid() as id, draft.* from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as draft (scope_id text, text text, blocks jsonb, once_key text)
    ) as question
    on conflict (once_key) do nothing
  `.execute(trx);
}

function describe({ outcome_id: outcomeId, title, owner_email: owner }: Asked, reason: string): string {
  return (
    `The evidence of the outcome “${escapeForeign(title)}” (${outcomeId}) does not hold any more: ${escapeForeign(reason, REASON_LENGTH_MAX)}. ` +
    `${escapeForeign(owner)}: does its value still stand? Add evidence that holds, or correct the outcome. Nothing was retracted.`
  );
}
