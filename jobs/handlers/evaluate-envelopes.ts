/**
 * evaluate-envelopes: what only the calendar changes, where no bill arrives: periods close, envelopes of patterns are made for the next
 * period, snoozes end, what nobody answered is escalated, and sources go late. A publication and an apply evaluate by themselves.
 */
import { evaluateEnvelopes as evaluate } from '../../services/envelopes/evaluate-envelopes.ts';
import { passTime } from '../../services/envelopes/pass-time.ts';
import type { JobPayload } from '../catalog.ts';
import type { JobContext } from '../job-context.ts';
import { watchFigures } from '../watch-figures.ts';

export async function evaluateEnvelopes(
  _payload: JobPayload<'evaluate-envelopes'>,
  context: JobContext,
): Promise<void> {
  await context.db.transaction().execute(async (trx) => {
    await evaluate(trx, { at: context.clock.now(), cause: 'load' });
    await passTime(trx, context.clock.now());
  });
  await watchFigures(context, false);
}
