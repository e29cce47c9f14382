/** The outcome sheet against a real PostgreSQL: what is stored, what a repeated or changed import does, and every refusal. */
import { type Transaction, sql } from 'kysely';
import { describe, expect } from 'vitest';
import { renderOutcomeImport } from '../../cli/render/outcome-import.ts';
import type { DB } from '../../db/schema.gen.ts';
import { localOperator, type Principal } from '../../services/kernel/ports.ts';
import { importOutcomes } from '../../services/outcomes/sheets/import-outcomes.ts';
import { listOutcomes } from '../../services/outcomes/list-outcomes.ts';
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

const AT = new Date('2026-09-20T08:00:00Z');

function importSheet(trx: Transaction<DB>, sheet: string, principal: Principal = FINANCE, dryRun = false) {
  return importOutcomes(trx, {
    sheet,
    workbook: 'benefits-2026',
    fileName: 'benefits.csv',
    principal,
    dryRun,
    at: AT,
  });
}

async function stored(trx: Transaction<DB>) {
  const { outcomes } = await listOutcomes(trx, { limit: 100 });
  return [...outcomes].reverse();
}

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

describe('a sheet is refused whole, by line and column, for', () => {
  test.for([
    [
      'an unknown pod',
      { pod: 'chekout' },
      'pod',
      '"chekout" is no pod of the organisation',
      'Did you mean "checkout"?',
    ],
    ['an unknown basis', { basis: 'revenu' }, 'basis', '"revenu" is not a basis', 'Did you mean "revenue"?'],
    ['an unknown currency', { currency: 'usd' }, 'currency', '"usd" is not a known currency', 'Write USD.'],
    [
      'an amount that is no number',
      { amount: '1.000.00' },
      'amount',
      '"1.000.00" is not an amount',
      'digits with a point',
    ],
    ['an amount below zero', { amount: '-5' }, 'amount', '-5 is below zero', 'dis_benefit'],
    ['an amount without a currency', { currency: '' }, 'currency', '"" is not a known currency', 'ISO 4217'],
    ['a date that is none', { delivered_on: '2026-02-30' }, 'delivered_on', '"2026-02-30" is not a date', 'YYYY-MM-DD'],
    [
      'an end before the start',
      { recognise_from: '2026-07-02', recognise_until: '2026-07-02' },
      'recognise_until',
      'recognition ends on 2026-07-02',
      'exclusive',
    ],
    [
      'revenue that is neither gross nor margin',
      { gross_or_margin: '' },
      'gross_or_margin',
      'whether it is gross or margin',
      'which of the two',
    ],
    [
      'a count without its quantity',
      { basis: 'unit_outcome', gross_or_margin: '', amount: '', currency: '' },
      'quantity',
      'a unit outcome has no quantity',
      'how many',
    ],
    [
      'money for a strategic outcome',
      { basis: 'strategic', gross_or_margin: '' },
      'amount',
      'strategic is counted without money',
      'another basis',
    ],
    [
      'a quantity without a unit',
      { quantity: '5', outcome_type: 'orders' },
      'unit',
      'a quantity needs a unit',
      'Name the unit',
    ],
    [
      'neither amount nor quantity',
      { amount: '', currency: '' },
      'amount',
      'neither an amount nor a quantity',
      'one of them',
    ],
    ['a share of zero', { share_bp: '0' }, 'share_bp', '"0" is not a share in basis points', '1 to 10000'],
    [
      'a state that cannot be stated',
      { state: 'verifed' },
      'state',
      '"verifed" cannot be stated',
      'Did you mean "verified"?',
    ],
    [
      'an owner that is no address',
      { owner_email: 'Ada' },
      'owner_email',
      '"Ada" is not an e-mail address',
      'answers for',
    ],
    ['evidence that is no address', { evidence_url: 'see wiki' }, 'evidence_url', 'not a web address', 'https://'],
    ['a row without an id', { source_row_id: '' }, 'source_row_id', 'the row has no id', 'for ever'],
  ] as const)('%s', async ([, cells, column, reason, fix], { trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const sheet = outcomeSheet(outcomeRow({ source_row_id: 'good' }), outcomeRow(cells));
    const refused = await importSheet(trx, sheet).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'invalid_outcomes',
      message: expect.stringContaining('benefits.csv line 3'),
    });
    expect(refused).toMatchObject({
      faults: [{ line: 3, column, reason: expect.stringContaining(reason), fix: expect.stringContaining(fix) }],
    });
    expect(await stored(trx)).toEqual([]);
  });

  test('shares over 10,000', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    const sheet = outcomeSheet(outcomeRow({ share_bp: '6000' }), outcomeRow({ pod: 'search', share_bp: '4001' }));
    await expect(importSheet(trx, sheet)).rejects.toThrow(
      'benefits.csv line 3 (record 2), column share_bp: the shares add up to 10001 basis points, more than 10000',
    );
  });

  test('several shares of which one is empty, one pod twice, or cells that differ between them', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' }, { id: 'search' });
    const empty = outcomeSheet(outcomeRow({ share_bp: '6000' }), outcomeRow({ pod: 'search' }));
    await expect(importSheet(trx, empty)).rejects.toMatchObject({ faults: [{ line: 3, column: 'share_bp' }] });
    const twice = outcomeSheet(outcomeRow({ share_bp: '6000' }), outcomeRow({ share_bp: '1000' }));
    await expect(importSheet(trx, twice)).rejects.toMatchObject({ faults: [{ line: 3, column: 'pod' }] });
    const differing = outcomeSheet(
      outcomeRow({ share_bp: '6000' }),
      outcomeRow({ pod: 'search', share_bp: '1000', amount: '999' }),
    );
    await expect(importSheet(trx, differing)).rejects.toMatchObject({
      faults: [
        { line: 3, column: 'amount', reason: expect.stringContaining('"999" differs from "1000.00" in line 2') },
      ],
    });
  });

  test('a type that counts in two units, within the sheet or against what is stored', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const counted = (cells: object) =>
      outcomeRow({
        basis: 'unit_outcome',
        gross_or_margin: '',
        amount: '',
        currency: '',
        outcome_type: 'orders',
        quantity: '5',
        ...cells,
      });
    const sheet = outcomeSheet(counted({ unit: 'order' }), counted({ source_row_id: 'r2', unit: 'cart' }));
    const fault = { column: 'unit', reason: 'outcomes of type "orders" count in "order", not in "cart"' };
    await expect(importSheet(trx, sheet)).rejects.toMatchObject({ faults: [{ line: 3, ...fault }] });
    await importSheet(trx, outcomeSheet(counted({ unit: 'order' })));
    await expect(importSheet(trx, outcomeSheet(counted({ source_row_id: 'r2', unit: 'cart' })))).rejects.toMatchObject({
      faults: [{ line: 2, ...fault }],
    });
  });

  test('a misspelt or missing column, a row of another width, semicolons, and what is no CSV', async ({ trx }) => {
    await insertPods(trx, { id: 'checkout' });
    const misspelt = outcomeSheet(outcomeRow()).replace('delivered_on', 'deliverd_on');
    await expect(importSheet(trx, misspelt)).rejects.toMatchObject({
      faults: [{ line: 1, column: 'deliverd_on', fix: 'Did you mean "delivered_on"?' }, { column: 'delivered_on' }],
    });
    await expect(importSheet(trx, `${outcomeSheet(outcomeRow())}a,b\n`)).rejects.toMatchObject({
      faults: [{ line: 3, reason: 'the row has 2 cells, the header 25' }],
    });
    const semicolons = outcomeSheet(outcomeRow()).replaceAll(',', ';');
    await expect(importSheet(trx, semicolons)).rejects.toThrow('separated by semicolons');
    await expect(importSheet(trx, 'a,"b\n')).rejects.toThrow('not readable as CSV');
    await expect(importSheet(trx, '')).rejects.toThrow('the file is empty');
  });
});
