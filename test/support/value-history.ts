/**
 * One history of value, lived twice: by the product on its database, and by the model beside it. The model says beforehand what each act
 * comes to, and whether it is refused; the product must agree.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import { expect } from 'vitest';
import type { DB } from '../../db/schema.gen.ts';
import { raiseFiguresVersion } from '../../services/attribution/figures-version.ts';
import { importFxFiles } from '../../services/fx/import-rates.ts';
import { AppError } from '../../services/kernel/errors.ts';
import { addDays, monthOf, utcDate } from '../../services/kernel/period.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { agreeShares } from '../../services/outcomes/acts/agree-shares.ts';
import { answerDuplicate } from '../../services/outcomes/duplicates/answer-duplicate.ts';
import { claimOutcome } from '../../services/outcomes/acts/claim-outcome.ts';
import { createOutcome } from '../../services/outcomes/acts/create-outcome.ts';
import { keepValueCut } from '../../services/outcomes/sums/outcome-months.ts';
import { setPool } from '../../services/outcomes/pools/pools.ts';
import { readGates } from '../../services/outcomes/gates/read-gates.ts';
import { rejectOutcome, retractOutcome } from '../../services/outcomes/acts/refuse-outcome.ts';
import { reviewOutcome } from '../../services/outcomes/acts/review-outcome.ts';
import { supersedeOutcome } from '../../services/outcomes/acts/supersede-outcome.ts';
import { missingForVerification } from '../../services/outcomes/gates/verification-gates.ts';
import { type RowVerdict, verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { approveStatement } from '../../services/periods/approve-statement.ts';
import { prepareStatement } from '../../services/periods/prepare-statement.ts';
import { APPROVER, PREPARER } from './closing.ts';
import { FINANCE, insertPods } from './outcome-sheets.ts';
import { claimOf, deliveredBy, inputOf, isTold, POOL, statedBy, VERIFIER } from './value-claims.ts';
import { type KnownDays, type ModelOutcome, type ModelRates, poolUse, textOf, unitsOf } from './value-model.ts';
import { type Act, type ClaimStep, FIRST_DAY, inPool, LAST_DAY, PODS, POOL_TURN, type Terms } from './value-steps.ts';

const EXPECTED = ['conflict', 'invalid_input', 'invalid_outcomes'];

export interface Closed {
  readonly statementId: string;
  readonly known: KnownDays;
}

type Verify = Extract<Act, { kind: 'verify' }>;

export class ValueHistory {
  readonly db: Kysely<DB>;
  outcomes: readonly ModelOutcome[] = [];
  rates: ModelRates = {};
  ceilings: readonly (readonly [from: string, until: string, ceiling: bigint])[] = [];
  /** By month, as its standing statement knows it. */
  readonly closed = new Map<string, Closed>();
  /** Every statement that was ever approved. */
  readonly statements: string[] = [];
  readonly #prepared = new Map<string, string>();
  readonly #ids: string[] = [];
  #clock = Date.parse('2027-02-02T08:00:00Z');

  private constructor(db: Kysely<DB>) {
    this.db = db;
  }

  static async begin(db: Kysely<DB>): Promise<ValueHistory> {
    const begun = new ValueHistory(db);
    await sql`update organisation set fx_carry_days = 400`.execute(db);
    await insertPods(db, ...PODS.map((id) => ({ id })));
    await begun.#rate('EUR', '2026-12-01', unitsOf('1.1'));
    await begun.#rate('GBP', '2026-12-01', unitsOf('1.2345'));
    const [one, two] = [unitsOf('100000000'), unitsOf('1000000')];
    await begun.#act((trx) => begun.#setPool(trx, [one, two]));
    begun.ceilings = windowsOf([one, two]);
    return begun;
  }

  get now(): Date {
    return new Date(this.#clock);
  }

  /** What is known of these days, of all at most. */
  known(from = FIRST_DAY, until = LAST_DAY): KnownDays {
    return { from, until, outcomes: this.outcomes, rates: this.rates };
  }

  idOf(position: number): string {
    return this.#ids[position] ?? '';
  }

  async live(act: Act, days: number): Promise<void> {
    this.#clock += (days * 24 + 1) * 3_600_000;
    switch (act.kind) {
      case 'claim':
        return this.#claim(act);
      case 'ceilings': {
        const ceilings = windowsOf(act.ceilings);
        const done = await this.#act((trx) => this.#setPool(trx, act.ceilings));
        expect(done === null).toBe(this.#overflows(this.outcomes, ceilings));
        if (done !== null) this.ceilings = ceilings;
        return;
      }
      case 'rate':
        return this.#rate(act.currency, act.from, act.rate);
      case 'cut':
        if (!act.on.endsWith('-01')) await this.#act((trx) => keepValueCut(trx, { cutOn: act.on, at: this.now }));
        return;
      case 'prepare':
        return this.#prepare(act.back, act.isApproved);
      case 'approve':
        return this.#approve([...this.#prepared.keys()].at(-1));
      default:
        return this.#actOn(act, act.of % this.outcomes.length);
    }
  }

  async #actOn(act: Extract<Act, { of: number }>, position: number): Promise<void> {
    const outcome = this.outcomes[position];
    // The first claims may all have been refused.
    if (outcome === undefined) return;
    const request = { outcomeId: this.idOf(position), principal: VERIFIER, at: this.now, reason: 'as measured' };
    const isClaim = outcome.state === 'claimed' || outcome.state === 'in_review';
    const isVerified = outcome.state === 'verified' || outcome.state === 'partially_verified';
    switch (act.kind) {
      case 'review':
        await this.#expectActed(position, isClaim && { ...outcome, state: 'in_review' }, (trx) =>
          reviewOutcome(trx, request),
        );
        return;
      case 'agree':
        await this.#act((trx) => agreeShares(trx, request));
        await this.#answerAll(request.outcomeId);
        return;
      case 'reject': {
        const rows = outcome.rows.map((row) => ({ ...row, verdict: 'rejected' as const, verified: 0n }));
        const next = (isClaim || outcome.state === 'rejected') && { ...outcome, rows, state: 'rejected' as const };
        await this.#expectActed(position, next, (trx) => rejectOutcome(trx, request));
        return;
      }
      case 'retract': {
        const may = isClaim || isVerified || outcome.state === 'retracted';
        await this.#expectActed(position, may && { ...outcome, state: 'retracted' }, (trx) =>
          retractOutcome(trx, request),
        );
        return;
      }
      case 'restate':
        return this.#restate(position, outcome, act.terms);
      case 'verify':
        return this.#verify(position, outcome, act);
      case 'supersede':
        return this.#supersede(position, outcome, act.by);
    }
  }

  async #claim(act: ClaimStep): Promise<void> {
    const made = this.#outcomeOf(act);
    const principal = act.by === 'finance' ? FINANCE : localOperator;
    const input = inputOf(made, `claim ${this.#ids.length}`);
    const created = await this.#act((trx) => createOutcome(trx, { input, principal, at: this.now }));
    const outcomes = [...this.outcomes, made];
    expect(created === null).toBe(this.#overflows(outcomes, this.ceilings));
    if (created === null) return;
    const said = { input: { ...input, state: 'verified' as const }, principal: VERIFIER, at: this.now };
    const again = act.asksVerified ? await this.#act((trx) => createOutcome(trx, said)) : created;
    this.#add(created.outcomeId, made, again?.state ?? created.state);
  }

  #outcomeOf({ terms, deliveredOn, isPooled }: ClaimStep): ModelOutcome {
    const said = isPooled ? inPool(terms) : terms;
    return { ...said, deliveredOn: deliveredBy({ ...said, deliveredOn }), isPooled, state: 'claimed' };
  }

  /** What was said again to be verified, and had its gates open, is verified whole. */
  #add(id: string, made: ModelOutcome, state: string): void {
    this.#ids.push(id);
    const rows = made.rows.map((row) => ({ ...row, verdict: 'verified' as const, verified: row.amount }));
    this.outcomes = [...this.outcomes, state === 'verified' ? { ...made, rows, state } : made];
  }

  /** Claims it again: in other terms, or in none, which changes nothing unless it was taken back. */
  async #restate(position: number, outcome: ModelOutcome, given: Terms | null): Promise<void> {
    const said = given === null || !outcome.isPooled ? given : inPool(given);
    const terms = said === null ? {} : { ...said, reviewDueOn: said.reviewDueOn ?? outcome.reviewDueOn };
    const rows = (said?.rows ?? outcome.rows).map((row) => ({ ...row, verdict: 'open' as const, verified: 0n }));
    const deliveredOn = deliveredBy({ ...outcome, rows });
    const restated: ModelOutcome = { ...outcome, ...terms, deliveredOn, rows, state: 'claimed' };
    const isSame = statedBy(restated) === statedBy(outcome) && isTold(outcome);
    const next = isSame ? outcome : restated;
    const input = said === null ? {} : { ...claimOf(said), deliveredOn };
    await this.#expectActed(position, outcome.state !== 'superseded' && next, (trx) =>
      claimOutcome(trx, { outcomeId: this.idOf(position), principal: FINANCE, at: this.now, input }),
    );
  }

  async #verify(position: number, outcome: ModelOutcome, { verdicts, reviewAfter }: Verify): Promise<void> {
    const outcomeId = this.idOf(position);
    const today = utcDate(this.now);
    const reviewDueOn = reviewAfter === null ? null : addDays(today, reviewAfter);
    const rows = outcome.rows.map((row, index) => {
      const verdict = verdicts[index] ?? 'open';
      if (verdict === 'open') return row;
      if (verdict === 'rejected') return { ...row, verdict, verified: 0n };
      return { ...row, verdict: 'verified' as const, verified: (row.amount * BigInt(verdict)) / 10n };
    });
    const isWhole = rows.every((row) => row.verdict === 'verified' && row.verified === row.amount);
    const review = reviewDueOn ?? outcome.reviewDueOn;
    const gates = (await readGates(this.db, [outcomeId])).get(outcomeId);
    const may =
      ['claimed', 'in_review', 'verified', 'partially_verified'].includes(outcome.state) &&
      (gates === undefined || missingForVerification(gates).length === 0) &&
      (review === null || review > today) &&
      (isWhole || rows.some((row) => row.verified > 0n));
    const state = isWhole ? 'verified' : 'partially_verified';
    const given = outcome.rows.flatMap((row, index): RowVerdict[] => {
      const verdict = verdicts[index] ?? 'open';
      if (verdict === 'open') return [];
      if (verdict === 'rejected') return [{ ordinal: index + 1, verdict }];
      const verifiedAmount = textOf((row.amount * BigInt(verdict)) / 10n);
      return [{ ordinal: index + 1, verdict: 'verified', verifiedAmount }];
    });
    await this.#expectActed(position, may && { ...outcome, rows, reviewDueOn: review, state }, (trx) =>
      verifyOutcome(trx, {
        outcomeId,
        principal: VERIFIER,
        at: this.now,
        reason: 'as measured',
        rows: given,
        ...(reviewDueOn === null ? {} : { reviewDueOn }),
      }),
    );
  }

  async #supersede(position: number, outcome: ModelOutcome, by: ClaimStep | number): Promise<void> {
    const other = typeof by === 'number' ? by % this.outcomes.length : -1;
    const made = typeof by === 'number' ? undefined : this.#outcomeOf(by);
    const successor =
      made === undefined ? { outcomeId: this.idOf(other) } : { statement: inputOf(made, `claim ${this.#ids.length}`) };
    const request = { outcomeId: this.idOf(position), principal: FINANCE, at: this.now, reason: 'Anew', successor };
    const after = this.outcomes.with(position, { ...outcome, state: 'superseded' });
    const standing = this.outcomes[other];
    const may =
      outcome.state !== 'superseded' &&
      (made === undefined
        ? other !== position && standing !== undefined && isTold(standing) && standing.state !== 'superseded'
        : !this.#overflows([...after, made], this.ceilings));
    const done = await this.#act((trx) => supersedeOutcome(trx, request));
    expect(done === null).toBe(!may);
    if (done === null) return;
    this.outcomes = after;
    if (made !== undefined) this.#add(done.successorId, made, 'claimed');
  }

  async #prepare(back: number, isApproved: boolean): Promise<void> {
    const today = utcDate(this.now);
    let { start: of } = monthOf(today);
    for (let left = back; left >= 0 && of > FIRST_DAY; left -= 1) of = monthOf(addDays(of, -1)).start;
    const { id: month, end } = monthOf(of);
    const again = this.closed.has(month) ? { reissueReason: 'Closed too early' } : {};
    const request = { period: month, principal: PREPARER, at: this.now, forcedReason: 'There are no bills', ...again };
    const done = await this.#act((trx) => prepareStatement(trx, request));
    expect(done === null).toBe(end > today);
    if (done === null) return;
    this.#prepared.delete(month);
    this.#prepared.set(month, done.statement.statementId);
    if (isApproved) await this.#approve(month, true);
  }

  /** Refused where the month's figures moved since it was prepared; where it is not, the statement is what is known now. */
  async #approve(month: string | undefined, isUnmoved = false): Promise<void> {
    const statementId = this.#prepared.get(month ?? '');
    if (month === undefined || statementId === undefined) return;
    const done = await this.#act((trx) => approveStatement(trx, { statementId, principal: APPROVER, at: this.now }));
    if (isUnmoved) expect(done).not.toBeNull();
    if (done === null) return;
    this.#prepared.delete(month);
    const { start, end } = monthOf(`${month}-01`);
    this.closed.set(month, { statementId, known: this.known(start, end) });
    this.statements.push(statementId);
  }

  async #rate(currency: string, from: string, rate: bigint): Promise<void> {
    const text = `date,base,quote,rate\n${from},${currency},USD,${textOf(rate)}\n`;
    const at = Object.keys(this.rates).length < 2 ? undefined : this.now;
    await this.#act(async (trx) => {
      await importFxFiles(trx, [{ name: 'rates.csv', text }], at);
      await raiseFiguresVersion(trx, 'anything');
    });
    this.rates = { ...this.rates, [currency]: { ...this.rates[currency], [from]: rate } };
  }

  async #setPool(trx: Transaction<DB>, ceilings: readonly [bigint, bigint]) {
    const windows = windowsOf(ceilings).map(([from, until, units]) => ({ from, until, ceiling: textOf(units) }));
    return setPool(trx, { pool: { ...POOL, ceilings: windows }, principal: FINANCE, at: this.now });
  }

  #overflows(outcomes: readonly ModelOutcome[], ceilings: ValueHistory['ceilings']): boolean {
    return ceilings.some(([from, until, ceiling]) => poolUse(outcomes, { from, until }) > ceiling);
  }

  async #answerAll(outcomeId: string): Promise<void> {
    const { rows } = await sql<{ other: string }>`
      select (outcome_id + other_id - ${outcomeId}::bigint)::text as other from outcome_duplicate
      where ${outcomeId}::bigint in (outcome_id, other_id) and answer is null`.execute(this.db);
    for (const { other } of rows) {
      const answer = { outcomeId, otherId: other, answer: 'distinct', principal: VERIFIER, at: this.now } as const;
      await this.#act((trx) => answerDuplicate(trx, answer));
    }
  }

  /** `next`: what the outcome is afterwards; false where the act is refused. A pool that would hold too much refuses whatever fills it. */
  async #expectActed(
    position: number,
    next: ModelOutcome | false,
    work: (trx: Transaction<DB>) => Promise<{ state: string }>,
  ): Promise<void> {
    const outcomes = next === false ? this.outcomes : this.outcomes.with(position, next);
    const may = next !== false && !this.#overflows(outcomes, this.ceilings);
    const done = await this.#act(work);
    expect(done === null).toBe(!may);
    if (done === null) return;
    expect(done.state).toBe(outcomes[position]?.state);
    this.outcomes = outcomes;
  }

  /** Null where it was refused. */
  async #act<Result>(work: (trx: Transaction<DB>) => Promise<Result>): Promise<Result | null> {
    try {
      return await this.db.transaction().execute(work);
    } catch (error) {
      if (!(error instanceof AppError) || !EXPECTED.includes(error.code)) throw error;
      return null;
    }
  }
}

function windowsOf([one, two]: readonly [bigint, bigint]): ValueHistory['ceilings'] {
  return [
    [FIRST_DAY, POOL_TURN, one],
    [POOL_TURN, LAST_DAY, two],
  ];
}
