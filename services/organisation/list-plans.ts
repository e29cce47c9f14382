/** The plans that were applied: who made which change when, and what it moved. */
import { type Kysely, sql } from 'kysely';
import type { DB } from '../../db/schema.gen.ts';
import { type EnvelopesMoved, NO_ENVELOPES_MOVED } from '../envelopes/move-envelopes.ts';
import { AppError } from '../kernel/errors.ts';
import { COMMANDS, worded } from '../kernel/wording.ts';
import type { Moved } from '../replay/planned-figures.ts';
import type { PlanMoney } from '../replay/plan-money.ts';
import type { Plan } from './plan-organisation.ts';

export interface ListedPlan {
  /** The number of the applied file. */
  readonly planId: string;
  /** RFC 3339. */
  readonly appliedAt: string;
  readonly appliedBy: string;
  readonly rulebook: number;
  readonly linesAffected: string;
  /** What all pods' differences come to, by currency: other than zero only where rates or settings changed. */
  readonly totals: readonly Moved[];
}

export interface StoredPlan extends ListedPlan {
  readonly plan: Plan;
  readonly money: PlanMoney;
  readonly envelopes: EnvelopesMoved;
}

interface PlanRow {
  readonly id: number;
  readonly applied_at: Date;
  readonly applied_by: string;
  readonly rulebook_id: number;
  readonly content: string;
}

const COLUMNS = sql`file.id, file.applied_at, file.applied_by, file.rulebook_id, plan.content
  from applied_plan as plan join applied_file as file on file.id = plan.applied_file_id`;

/** Applied plans, newest first; those before the plan `before` where it is given. */
export async function listPlans(db: Kysely<DB>, page: { before: string | null; limit: number }): Promise<ListedPlan[]> {
  const { rows } = await sql<PlanRow>`
    select ${COLUMNS} where ${page.before}::integer is null or file.id < ${page.before}::integer
    order by file.id desc limit ${page.limit}
  `.execute(db);
  return rows.map((row) => toListed(row, readContent(row)));
}

/**
 * One applied plan, whole.
 * @throws AppError not_found.
 */
export async function readPlan(db: Kysely<DB>, planId: string): Promise<StoredPlan> {
  const { rows } = /^\d{1,9}$/.test(planId)
    ? await sql<PlanRow>`select ${COLUMNS} where file.id = ${planId}::integer`.execute(db)
    : { rows: [] };
  const [row] = rows;
  if (row === undefined) {
    throw new AppError(
      'not_found',
      worded`There is no applied plan ${planId}. ${COMMANDS.plans} names those there are.`,
    );
  }
  const { money, envelopes = NO_ENVELOPES_MOVED, ...plan } = readContent(row);
  return { ...toListed(row, { money }), plan, money, envelopes };
}

/** Its money is text, so that parsing loses nothing. The oldest plans tell of no envelopes. */
function readContent(row: PlanRow): Plan & { money: PlanMoney; envelopes?: EnvelopesMoved } {
  return JSON.parse(row.content) as Plan & { money: PlanMoney; envelopes?: EnvelopesMoved };
}

function toListed(row: PlanRow, { money }: { money: PlanMoney }): ListedPlan {
  return {
    planId: String(row.id),
    appliedAt: row.applied_at.toISOString(),
    appliedBy: row.applied_by,
    rulebook: row.rulebook_id,
    linesAffected: money.linesAffected,
    totals: money.totals,
  };
}
