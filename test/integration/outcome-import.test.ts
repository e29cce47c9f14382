/** The outcome sheet against a real PostgreSQL: what is stored, what a repeated or changed import does, and what an import verifies. */
import { type Transaction, sql } from 'kysely';
import { describe, expect } from 'vitest';
import { renderOutcomeImport } from '../../cli/render/outcome-import.ts';
import type { DB } from '../../db/schema.gen.ts';
import { localOperator } from '../../services/kernel/ports.ts';
import { importOutcomes } from '../../services/outcomes/sheets/import-outcomes.ts';
import { verifyOutcome } from '../../services/outcomes/acts/verify-outcome.ts';
import { test } from '../support/database.ts';
import {
  FINANCE,
  importVerified,
  insertPods,
  outcomeRow,
  outcomeSheet,
  VERIFIED,
  VERIFIER,
} from '../support/outcome-sheets.ts';
import { AT, importSheet, stored } from '../support/sheet-imports.ts';

async function figuresVersion(trx: Transaction<DB>): Promise<string> {
  const { figures_version } = await trx.selectFrom('organisation').select('figures_version').executeTakeFirstOrThrow();
  return figures_version;
}

describe('a sheet', () => {
  test('gives outcomes their defaults: the whole share, recognised on the day of delivery', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const result = await importSheet(trx, outcomeSheet(outcomeRow({ amount: '1000.50' })));
    expect(result).toMatchObject({ rows: 1, created: 1, changed: 0, unchanged: 0 });
    expect(await stored(trx)).toMatchObject([
      {
        state: 'claimed',
        amount: '1000.5',
        shares: [{ pod: 'checkout', basisPoints: 10_000 }],
        unattributedBasisPoints: 0,
        schedule: [{ from: '2026-07-10', until: '2026-07-11', amount: '1000.5' }],
        claimedBy: 'grace@example.com',
        workbook: 'benefits-2026',
        sourceRowId: 'r1',
      },
    ]);
  });

  test('reads several rows of one id as the shares of one outcome; what is not shared out is unattributed', async ({
    trx,
  }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    const sheet = outcomeSheet(
      outcomeRow({ delivered_on: '2026-07-01', share_bp: '6000', recognise_until: '2026-10-01' }),
      { source_row_id: 'r1', pod: 'search', share_bp: '2500' },
    );
    expect(await importSheet(trx, sheet)).toMatchObject({ rows: 2, created: 1 });
    expect(await stored(trx)).toMatchObject([
      {
        shares: [
          { pod: 'checkout', basisPoints: 6000 },
          { pod: 'search', basisPoints: 2500 },
        ],
        unattributedBasisPoints: 1500,
        schedule: [{ from: '2026-07-01', until: '2026-10-01', amount: '1000' }],
      },
    ]);
  });

  test('imported again changes nothing, not even the figures version; a missing row deletes nothing', async ({
    trx,
  }) => {
    await insertPods(trx, { id: 'checkout' });
    await importSheet(trx, outcomeSheet(outcomeRow(), outcomeRow({ source_row_id: 'r2', amount: '7' })));
    const version = await figuresVersion(trx);
    expect(await importSheet(trx, outcomeSheet(outcomeRow({ amount: '1000' })))).toMatchObject({
      unchanged: 1,
      changed: 0,
    });
    expect(await stored(trx)).toHaveLength(2);
    expect(await figuresVersion(trx)).toBe(version);
  });

  test('with a changed row makes a new version and keeps the former one', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await importSheet(trx, outcomeSheet(outcomeRow()));
    const second = await importSheet(trx, outcomeSheet(outcomeRow({ amount: '1200' })));
    expect(second.outcomes).toMatchObject([{ change: 'changed', version: 2, line: 2 }]);
    const { rows } = await sql<{ version: number; amount: string }>`
      select version, content ->> 'amount' as amount from outcome_version order by version`.execute(trx);
    expect(rows).toEqual([
      { version: 1, amount: '1000' },
      { version: 2, amount: '1200' },
    ]);
    expect(await stored(trx)).toMatchObject([{ amount: '1200', schedule: [{ amount: '1200' }] }]);
  });

  test('as a dry run says what would happen and writes nothing', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const result = await importSheet(trx, outcomeSheet(outcomeRow()), FINANCE, true);
    expect(result).toMatchObject({ dryRun: true, created: 1, outcomes: [{ change: 'created', outcomeId: null }] });
    expect(await stored(trx)).toEqual([]);
  });

  test('is refused under another name while its rows stand; what it may say twice is told by line', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const twice = outcomeSheet(outcomeRow(), outcomeRow({ source_row_id: 'r2' }));
    const first = await importSheet(trx, twice, FINANCE, true);
    expect(first.outcomes.map(({ notes }) => notes)).toEqual([
      [],
      [expect.stringContaining('may be line 2 once more')],
    ]);
    await importSheet(trx, twice);
    const renamed = { sheet: twice, workbook: 'benefits (1)', principal: FINANCE, dryRun: false, at: AT };
    await expect(importOutcomes(trx, renamed)).rejects.toMatchObject({
      faults: [
        {
          line: 2,
          column: 'source_row_id',
          reason: expect.stringContaining('of the workbook "benefits-2026"') as string,
        },
        { line: 3 },
      ],
    });
  });

  test('leaves an audit event with its principal, once', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await importSheet(trx, outcomeSheet(outcomeRow()));
    await importSheet(trx, outcomeSheet(outcomeRow()));
    const events = await trx.selectFrom('audit_event').select(['principal', 'action', 'subject_id']).execute();
    expect(events).toEqual([
      { principal: 'grace@example.com', action: 'import-outcomes', subject_id: 'benefits-2026' },
    ]);
  });
});

describe('a verification in a sheet', () => {
  const verified = (cells: object = {}) => outcomeRow({ ...VERIFIED, ...cells });

  test('is made by whoever imports what somebody else recorded, in person', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const recorded = await importSheet(trx, outcomeSheet(verified()));
    expect(recorded.outcomes).toMatchObject([
      {
        state: 'claimed',
        notes: [
          'lands as claimed: the name luca@example.com verifies nothing; whoever it is does so with a token of their own',
        ],
      },
    ]);
    expect(recorded.verified).toEqual({ outcomes: 0, amounts: [] });
    expect(await importSheet(trx, outcomeSheet(verified()), VERIFIER)).toMatchObject({
      changed: 1,
      verified: { outcomes: 1, amounts: [{ currency: 'USD', amount: '1000' }] },
      outcomes: [{ state: 'verified', version: 2, notes: [] }],
    });
    expect(await stored(trx)).toMatchObject([
      { state: 'verified', verifiedBy: VERIFIER.id, verifiedAt: '2026-09-20T08:00:00.000Z' },
    ]);
    for (const principal of [FINANCE, VERIFIER, localOperator]) {
      const again = await importSheet(trx, outcomeSheet(verified()), principal);
      expect(again).toMatchObject({
        unchanged: 1,
        verified: { outcomes: 0 },
        outcomes: [{ state: 'verified', notes: [] }],
      });
    }
  });

  test('says what it comes to, dis-benefits taken off', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const sheet = outcomeSheet(
      verified({ source_row_id: 'a' }),
      verified({ source_row_id: 'b', title: 'Slower search', amount: '250.5', effect: 'dis_benefit' }),
    );
    await importSheet(trx, sheet);
    const result = await importSheet(trx, sheet, VERIFIER);
    expect(result.verified).toEqual({ outcomes: 2, amounts: [{ currency: 'USD', amount: '749.5' }] });
    expect(renderOutcomeImport(result).split('\n')[1]).toBe(
      'Verified: 2 of them, USD 749.5 (of every basis, dis-benefits taken off).',
    );
  });

  test.for([
    ['another role than finance', localOperator, {}, 'verified needs the role finance, not operator'],
    [
      'a name alone, whoever it is',
      VERIFIER,
      { verified_by: 'ghost@nowhere.example' },
      'the name ghost@nowhere.example verifies nothing',
    ],
    ['its owner', { ...FINANCE, id: 'Ada@example.com' }, { verified_by: '' }, 'owns the outcome'],
    ['whoever recorded it', FINANCE, { verified_by: 'Grace@example.com' }, 'stated the outcome, or changed it,'],
    [
      'the owner of a receiving pod',
      { ...FINANCE, id: 'checkout-owner@example.com' },
      { verified_by: '' },
      'belongs to pod "checkout"',
    ],
    ['a reviewer, once its review is due', VERIFIER, { review_due_on: '2026-09-01' }, 'due since 2026-09-01'],
  ] as const)('by %s lands as claimed and says so', async ([, principal, cells, note], { trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await importSheet(trx, outcomeSheet(verified(cells)));
    const result = await importSheet(trx, outcomeSheet(verified(cells)), principal);
    expect(result.outcomes[0]?.notes.join()).toContain(note);
    expect(await stored(trx)).toMatchObject([{ state: 'claimed', verifiedBy: null }]);
  });

  test('of a row that says something else than what is recorded lands as claimed, and lifts no verdict', async ({
    trx,
  }) => {
    await insertPods(trx, { id: 'checkout' });
    await importSheet(trx, outcomeSheet(outcomeRow()));
    const changed = await importSheet(trx, outcomeSheet(verified({ amount: '2000' })), VERIFIER);
    expect(changed.outcomes[0]?.notes.join()).toContain('luca@example.com stated the outcome, or changed it,');
    const outcomeId = (await stored(trx))[0]?.outcomeId ?? '';
    const rows = [{ ordinal: 1, verdict: 'verified' as const, verifiedAmount: '400' }];
    const grace = { principal: { ...FINANCE, id: 'sue@example.com' }, at: AT };
    await verifyOutcome(trx, { outcomeId, rows, reason: 'A campaign', ...grace });
    const sheet = outcomeSheet(verified({ amount: '2000', verified_by: '' }));
    expect(await importSheet(trx, sheet, grace.principal)).toMatchObject({
      outcomes: [{ change: 'unchanged', notes: [expect.stringContaining('saying it again lifts no verdict')] }],
    });
  });

  test('falls back to claimed where the content changes without a new verification, and says so', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    await importVerified(trx, { sheet: outcomeSheet(verified()), workbook: 'benefits-2026', at: AT });
    const result = await importSheet(trx, outcomeSheet(outcomeRow({ amount: '2000' })));
    expect(result.outcomes[0]?.notes).toEqual([
      'was verified by luca@example.com; its content changed, so it is claimed again',
    ]);
    expect(await stored(trx)).toMatchObject([{ state: 'claimed', verifiedBy: null, verifiedAt: null }]);
  });
});

test('agreements in a sheet of finance are settled by whoever imports it, whatever name it gives', async ({ trx }) => {
  await insertPods(trx, { id: 'checkout' }, { id: 'search' });
  const half = { share_bp: '5000', agreed_by: 'santa@north.example' };
  const result = await importSheet(
    trx,
    outcomeSheet(outcomeRow(half), { source_row_id: 'r1', pod: 'search', ...half }),
  );
  expect(result.outcomes[0]?.notes).toMatchObject([
    expect.stringContaining('is the word of grace@example.com, who settles it'),
    expect.stringContaining('pod "search"'),
  ]);
  expect((await stored(trx))[0]?.shares.map(({ agreedBy }) => agreedBy)).toEqual([FINANCE.id, FINANCE.id]);
});
