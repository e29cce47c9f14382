/** The pages of the CIO's quarter: printed figures that add up whatever is rounded, letters that a font has, and a file that is the same again. */
import fc from 'fast-check';
import PDFDocument from 'pdfkit';
import { describe, expect, test } from 'vitest';
import { closeBridge } from '../../services/cloud-return/bridge.ts';
import { bridgeFigures } from '../../services/cloud-return/pages/bridge-pages.ts';
import { asPercent, footingWithRest } from '../../services/cloud-return/pages/page-table.ts';
import { drawTable } from '../../services/cloud-return/pdf/draw-table.ts';
import { registerFonts } from '../../services/cloud-return/pdf/fonts.ts';
import { openSheet } from '../../services/cloud-return/pdf/sheet.ts';
import { wrapLines } from '../../services/cloud-return/pdf/wrap-lines.ts';
import { unexplainedPods } from '../../services/cloud-return/scorecard.ts';
import { asChange, asTimes } from '../../services/cloud-return/wording.ts';
import { type Decimal, decimal, roundForPresentation, sum } from '../../services/kernel/decimal.ts';
import type { ValuePerPod } from '../../services/reports/compose-value.ts';

const money = fc.bigInt(-100_000_000n, 100_000_000n).map((units) => decimal(`${units}e-4`));

function read(figures: readonly string[]): Decimal {
  return sum(figures.map((figure) => decimal(figure.replaceAll(',', ''))));
}

describe('printed figures', () => {
  test('of a bridge lead from its printed opening to its printed closing', () => {
    fc.assert(
      fc.property(
        money,
        fc.array(money, { minLength: 1, maxLength: 9 }),
        fc.constantFrom(0, 2),
        (opening, amounts, places) => {
          const steps = amounts.map((amount) => ({ step: 'any', amount, drivers: [] }));
          const bridge = closeBridge({ from: 'then', opening, steps, closing: sum([opening, ...amounts]), rates: [] });
          const printed = bridgeFigures(bridge, places);
          expect(printed.amounts[0]?.replaceAll(',', '')).toBe(roundForPresentation(opening, places));
          expect(printed.closing.replaceAll(',', '')).toBe(roundForPresentation(bridge.closing, places));
          expect(read(printed.amounts)).toBe(read([printed.closing]));
        },
      ),
    );
  });

  test('of pods and the rest add up to their total, both as they stand elsewhere', () => {
    fc.assert(
      fc.property(fc.array(money, { minLength: 1, maxLength: 9 }), money, (parts, rest) => {
        const printed = footingWithRest(parts, rest, 0);
        expect(read([...printed.parts, printed.rest])).toBe(read([printed.total]));
        expect(printed.rest.replaceAll(',', '')).toBe(roundForPresentation(rest, 0));
      }),
    );
  });

  test('say what is missing, and never a nought for it', () => {
    expect([asTimes('2.3100'), asTimes('0.0700'), asTimes(null)]).toEqual(['2.3×', '0.07×', 'n/a']);
    expect([asPercent('0.8899'), asPercent(null), asChange('0.0612'), asChange('-0.0100'), asChange(null)]).toEqual([
      '89.0 %',
      'n/a',
      '+6.1 %',
      '-1.0 %',
      'n/a',
    ]);
  });
});

describe('pods named on the first page', () => {
  const row = (podId: string, cost: string, value: { verified: string; outcomes: number; beside?: string }) => ({
    podId,
    name: podId,
    kind: 'delivery',
    cost: { total: decimal(cost) },
    value: {
      verified: decimal(value.verified),
      claimed: decimal('0'),
      verifiedOutcomes: value.outcomes,
      besideVerified: value.beside === undefined ? {} : { risk_reduced: decimal(value.beside) },
    },
  });

  test('without verified value are those of a harm first, then those without an outcome', () => {
    const pods = [
      row('none', '500', { verified: '0', outcomes: 0 }),
      row('harm', '5', { verified: '-20', outcomes: 1, beside: '3' }),
      row('beside', '900', { verified: '0', outcomes: 1, beside: '7' }),
      row('better', '900', { verified: '5', outcomes: 2 }),
    ];
    expect(unexplainedPods({ pods } as unknown as ValuePerPod)).toMatchObject([
      { podId: 'harm', harm: '17' },
      { podId: 'none', claimed: '0' },
    ]);
  });
});

describe('lines', () => {
  const wrap = (text: string, width: number) => wrapLines(text, width, (part) => part.length);

  test('break at spaces alone, so that periods, figures and shares stay whole', () => {
    expect(wrap('since 2026-Q3 to 21 Aug -1,234 of 88.2 %', 10)).toEqual([
      'since',
      '2026-Q3 to',
      '21 Aug',
      '-1,234 of',
      '88.2 %',
    ]);
    expect(wrap('  an indent', 12)).toEqual(['  an indent']);
    expect(wrap('', 5)).toEqual(['']);
  });

  test('cut a word that is wider than a line, and lose no letter', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 12 }), (text, width) => {
        const lines = wrap(text, width);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      }),
    );
  });
});

describe('the PDF', () => {
  test('keeps the letters that its fonts have, and prints no garbage for others', () => {
    const printable = registerFonts(new PDFDocument({ font: '' }));
    expect(printable('Łódź, Ştefan Čapek, Ελλάς, Заказ, Åse, “3 × 5 €”')).toBe(
      'Łódź, Ştefan Čapek, Ελλάς, Заказ, Åse, “3 × 5 €”',
    );
    expect(printable('注文 pod\u202Egnp\u0007')).toBe('?? pod gnp ');
  });

  test('is tagged, titled and the same bytes again, over as many pages as its tables take', async () => {
    const rows = Array.from({ length: 60 }, (_, index) => [
      `Zespół ${index} ${'ł'.repeat(50)}`,
      '1,000',
      'n/a: enabling',
    ]);
    const draw = async () => {
      const sheet = openSheet({ title: 'Cloud return of Łódź, 2026-Q3', author: 'Łódź', madeOn: '2026-10-05' });
      sheet.heading(2, 'Return per pod');
      drawTable(sheet, { heads: ['pod', 'cost', 'return'], figures: [1, 2], rows, totals: 1 });
      return Buffer.from(await sheet.finish('Cloud return'));
    };
    const [file, again] = [await draw(), await draw()];
    expect(again.equals(file)).toBe(true);
    const text = file.toString('latin1');
    expect(text.match(/\/Type \/Page\n/g)?.length).toBe(2);
    for (const mark of [
      '/Lang (en)',
      '/MarkInfo',
      '/StructTreeRoot',
      '/DisplayDocTitle true',
      'pdfuaid:part',
      '/FontFile2',
      '(D:20261005000000Z)',
    ]) {
      expect(text).toContain(mark);
    }
    expect(text).not.toContain('Helvetica');
  });
});
