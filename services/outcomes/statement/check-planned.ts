/**
 * What stands against counting a statement, once it is known which stored outcome it changes: pods that were not active on its day, value
 * recognised before it, and amounts that no rate converts. What a statement leaves as it is stored is not judged anew, so that a sheet can be imported again.
 */
import type { Transaction } from 'kysely';
import type { DB } from '../../../db/schema.gen.ts';
import type { FieldFault } from './checked-outcome.ts';
import { findDeliveryFaults } from './delivery-days.ts';
import { describeMissingRate, findMissingRates } from './missing-rates.ts';
import type { StatedOutcome } from '../outcome.ts';
import type { PlannedOutcome } from '../plan-outcomes.ts';
import { findEarlyRecognition } from './recognition-days.ts';

/** The faults of each statement, by its position; in few statements whatever their number. */
export async function checkPlanned(
  trx: Transaction<DB>,
  given: { stated: readonly StatedOutcome[]; plan: readonly PlannedOutcome[]; at: Date },
): Promise<ReadonlyMap<number, readonly FieldFault[]>> {
  const { stated, plan, at } = given;
  const changes = new Map(
    stated.flatMap(({ content, state, statedPods }, position) => {
      const planned = plan[position];
      if (planned === undefined || planned.change === 'unchanged' || state === 'candidate') return [];
      const { currency, schedule, deliveredOn, effect, shares } = content;
      const pods = statedPods ?? shares.map(({ podId }) => podId);
      return [[position, { outcomeId: planned.outcomeId, currency, schedule, deliveredOn, effect, pods }] as const];
    }),
  );
  const found = new Map(await findDeliveryFaults(trx, changes, at));
  for (const [position, rate] of await findMissingRates(trx, changes, at)) {
    found.set(position, [...(found.get(position) ?? []), { field: 'currency', ...describeMissingRate(rate) }]);
  }
  for (const [position, fault] of await findEarlyRecognition(trx, changes)) {
    found.set(position, [...(found.get(position) ?? []), fault]);
  }
  return found;
}
