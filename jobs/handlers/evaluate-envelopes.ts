/**
 * evaluate-envelopes: what only the calendar changes, where no bill arrives: periods close, and envelopes of patterns are made for
 * the next period. A publication and an apply evaluate by themselves.
 */
import { evaluateEnvelopes as evaluate } from '../../services/envelopes/evaluate-envelopes.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';

export async function evaluateEnvelopes(
  _payload: JobPayload<'evaluate-envelopes'>,
  context: JobContext,
): Promise<void> {
  await context.db.transaction().execute((trx) => evaluate(trx, { at: context.clock.now(), cause: 'load' }));
}
