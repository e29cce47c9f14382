/** What an outcome sheet is refused for: whole, every fault by line and column, with its fix; nothing is stored. */
import { describe, expect } from 'vitest';
import { test } from '../support/database.ts';
import { insertPods, outcomeRow, outcomeSheet } from '../support/outcome-sheets.ts';
import { importSheet, stored } from '../support/sheet-imports.ts';

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
