/**
 * A plan in money: what applying an organisation file would move between pods, months and rules, told before anything is changed. The
 * figures are really made, in a transaction that is taken back; nobody waits for it and nothing of it stays.
 */
import type { Kysely } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { currentRulebook } from '../attribution/store-rulebook.ts';
import { type EnvelopesMoved, moveEnvelopes, NO_ENVELOPES_MOVED } from '../envelopes/move-envelopes.ts';
import { faultPoint } from '../kernel/fault-point.ts';
import { localOperator } from '../kernel/ports.ts';
import { type PlanMoney, readFiguresVersion, tellMoney } from '../replay/plan-money.ts';
import { planWorld } from '../replay/planned-world.ts';
import { inShadow, type Shadow } from '../replay/shadow.ts';
import { type Plan, planOrganisation } from './plan-organisation.ts';
import type { ReadOrganisation } from './read-organisation-file.ts';
import { rulebookOf } from './rulebook-of.ts';
import { storeOrganisation } from './store-organisation.ts';

export type PlanWithMoney = Plan & { readonly money: PlanMoney; readonly envelopes: EnvelopesMoved };

export interface PlanRequest {
  readonly file: ReadOrganisation;
  /** The texts of the exchange rate files; null: rates stay as they are. */
  readonly rates: readonly { readonly name: string; readonly text: string }[] | null;
  readonly at: Date;
  readonly statementTimeoutMs?: number;
}

/**
 * Plans a file that was read and checked. Writes nothing that stays.
 * @throws AppError invalid_input for a fault in the exchange rates; conservation_broken.
 */
export async function planInMoney(db: Kysely<DB>, request: PlanRequest): Promise<PlanWithMoney> {
  const { file, rates, at, ...options } = request;
  const { reporting, fx } = file.organisation;
  const { currency, costMetric } = reporting;
  return inShadow(db, options, async (shadow) => {
    const { trx } = shadow;
    const plan = await planOrganisation(trx, file, at);
    const from = await currentRulebook(trx);
    const content = rulebookOf(file.organisation);
    const figuresVersion = await readFiguresVersion(trx);
    const world = await planWorld(shadow, {
      rulebook: { current: from.id, next: plan.rulebook.changed ? plan.rulebook.next : from.id, content },
      currency,
      fx,
      rates,
    });
    const money = await tellMoney(trx, {
      from,
      to: { id: world.rulebookId, content },
      loadIds: world.loadIds,
      currency,
      costMetric,
      changedRates: world.changedRates,
      figuresVersion,
    });
    const isMoved = (!plan.unchanged || world.changedRates > 0) && plan.conflicts.length === 0;
    const envelopes = isMoved ? await planEnvelopes(shadow, request, plan) : NO_ENVELOPES_MOVED;
    faultPoint('plan-before-rollback');
    return { ...plan, money, envelopes };
  });
}

/** Does to hidden rows what applying does; its locks are held until the plan is taken back, which is next. */
async function planEnvelopes(shadow: Shadow, { file, at }: PlanRequest, plan: Plan): Promise<EnvelopesMoved> {
  const { trx } = shadow;
  const { organisation } = file;
  await storeOrganisation(trx, { organisation, plan, at });
  const changesRulebook = plan.rulebook.changed;
  const { moved } = await moveEnvelopes(trx, { organisation, changesRulebook, at, principal: localOperator });
  return moved;
}
