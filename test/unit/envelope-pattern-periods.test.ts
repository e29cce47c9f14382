/** Which envelopes activations give: whole periods, the first partial one by days, and a short first one joined to the next. */
import { describe, expect, test } from 'vitest';
import { type PatternActivation, patternPeriods } from '../../services/envelopes/pattern-periods.ts';
import { decimal } from '../../services/kernel/decimal.ts';
import { CALENDAR_YEAR, type Period } from '../../services/kernel/period.ts';

function activation(activatedOn: string, overrides: Partial<PatternActivation> = {}): PatternActivation {
  return { patternId: 'analytics', activatedOn, every: 'month', limit: decimal('12000'), ...overrides };
}

function periods(
  activations: readonly PatternActivation[],
  overrides: {
    asOf?: string;
    until?: string;
    fiscalYearStartMonth?: number;
    isTaken?: (nominal: Period) => boolean;
  } = {},
): string[] {
  return patternPeriods(activations, {
    asOf: overrides.asOf ?? '2026-02-10',
    until: overrides.until ?? null,
    calendar: { ...CALENDAR_YEAR, fiscalYearStartMonth: overrides.fiscalYearStartMonth ?? 1 },
    isTaken: overrides.isTaken ?? (() => false),
  }).map(({ id, start, end, limit }) => `${id} [${start}, ${end}) ${limit}`);
}

describe('pattern periods', () => {
  test('an activation on the first gives whole months up to the next one', () => {
    expect(periods([activation('2026-01-01')])).toEqual([
      '2026-01 [2026-01-01, 2026-02-01) 12000',
      '2026-02 [2026-02-01, 2026-03-01) 12000',
      '2026-03 [2026-03-01, 2026-04-01) 12000',
    ]);
  });

  test('a partial first month is pro rata by days', () => {
    expect(periods([activation('2026-01-05')])[0]).toBe('2026-01-05..2026-02-01 [2026-01-05, 2026-02-01) 10451.61');
  });

  test('a partial first month shorter than a third joins the next one, with its days of money', () => {
    expect(periods([activation('2026-01-25')])).toEqual([
      '2026-01-25..2026-03-01 [2026-01-25, 2026-03-01) 14709.68',
      '2026-03 [2026-03-01, 2026-04-01) 12000',
    ]);
  });

  test('exactly a third stands by itself', () => {
    expect(periods([activation('2026-06-21')], { asOf: '2026-06-21' })).toEqual([
      '2026-06-21..2026-07-01 [2026-06-21, 2026-07-01) 4000',
      '2026-07 [2026-07-01, 2026-08-01) 12000',
    ]);
  });

  test('quarters and years follow the fiscal calendar', () => {
    expect(periods([activation('2026-02-01', { every: 'quarter' })], { fiscalYearStartMonth: 2 })).toEqual([
      '2026-Q1 [2026-02-01, 2026-05-01) 12000',
      '2026-Q2 [2026-05-01, 2026-08-01) 12000',
    ]);
    expect(periods([activation('2026-01-01', { every: 'year' })])).toEqual([
      '2026 [2026-01-01, 2027-01-01) 12000',
      '2027 [2027-01-01, 2028-01-01) 12000',
    ]);
  });

  test('two activations of a pod add up from the second one on', () => {
    expect(
      periods([activation('2026-02-15', { patternId: 'web', limit: decimal('2800') }), activation('2026-01-01')]),
    ).toEqual([
      '2026-01 [2026-01-01, 2026-02-01) 12000',
      '2026-02 [2026-02-01, 2026-03-01) 13400',
      '2026-03 [2026-03-01, 2026-04-01) 14800',
    ]);
  });

  test('an envelope of the file takes its period out, and nothing joins it', () => {
    const isTaken = (nominal: Period) => nominal.id === '2026-02';
    expect(periods([activation('2026-01-25')], { isTaken })).toEqual([
      '2026-01-25..2026-02-01 [2026-01-25, 2026-02-01) 2709.68',
      '2026-03 [2026-03-01, 2026-04-01) 12000',
    ]);
  });

  test('nothing begins after the pod has ended, nor before an activation that lies ahead', () => {
    expect(periods([activation('2026-01-01')], { until: '2026-02-01' })).toEqual([
      '2026-01 [2026-01-01, 2026-02-01) 12000',
    ]);
    expect(periods([activation('2026-06-01')])).toEqual([]);
  });
});
