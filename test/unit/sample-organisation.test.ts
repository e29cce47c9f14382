/**
 * The sample organisation as text: it must read as a user's own files do, be the same for the same day, and tell the same story on any day.
 */
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { sampleOrganisation } from '../../examples/sample-organisation/sample-organisation.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';

/** The middle of a quarter, its second day, the day after it, and one after a leap year. */
const DAYS = ['2026-11-22', '2026-10-02', '2027-01-01', '2029-01-01'] as const;
const TODAY = DAYS[0];

function outcomeRows(today: string): Record<string, string>[] {
  return parse(sampleOrganisation(today).outcomesCsv, { columns: true });
}

describe('the organisation file', () => {
  test.each(DAYS)('is valid on %s and has eight delivery pods, one platform and one central', (today) => {
    const organisation = parseOrganisation(sampleOrganisation(today).yaml);
    expect(
      Object.entries(Object.groupBy(organisation.pods, (pod) => pod.kind)).map(([kind, pods]) => [kind, pods?.length]),
    ).toEqual([
      ['delivery', 8],
      ['platform', 1],
      ['central', 1],
    ]);
    expect(organisation.sources.map((source) => [source.id, source.kind, source.settings['path']])).toEqual([
      ['aws', 'focus-files', 'bills/aws/'],
      ['azure', 'focus-files', 'bills/azure/'],
      ['gcp', 'focus-files', 'bills/gcp/'],
    ]);
  });

  test('is the same text for the same day', () => {
    expect(sampleOrganisation(TODAY)).toEqual(sampleOrganisation(TODAY));
    expect(sampleOrganisation(TODAY).yaml).not.toBe(sampleOrganisation('2026-10-02').yaml);
  });

  test('ends in the quarter of yesterday, on the first day of a quarter too', () => {
    expect(sampleOrganisation('2026-11-22').quarterIds).toEqual(['2026-Q1', '2026-Q2', '2026-Q3', '2026-Q4']);
    expect(sampleOrganisation('2027-01-01').quarterIds).toEqual(['2026-Q1', '2026-Q2', '2026-Q3', '2026-Q4']);
    expect(sampleOrganisation('2027-01-02').quarterIds).toEqual(['2026-Q2', '2026-Q3', '2026-Q4', '2027-Q1']);
  });

  test('gives every pod an envelope of the current quarter, its own or its pattern’s', () => {
    const organisation = parseOrganisation(sampleOrganisation(TODAY).yaml);
    const explicit = organisation.envelopes
      .filter((envelope) => envelope.period === '2026-Q4')
      .map(({ scope }) => scope.id);
    for (const pod of organisation.pods) expect(explicit.includes(pod.id) || pod.activations.length > 0).toBe(true);
  });

  test('refuses what is no date, and says which form it wants', () => {
    expect(() => sampleOrganisation('22.11.2026')).toThrow(/YYYY-MM-DD/);
  });
});

describe('the outcomes', () => {
  test.each(DAYS)('on %s are about sixty, delivered within the four quarters and not in the future', (today) => {
    const rows = outcomeRows(today);
    const firstDay = `${sampleOrganisation(today).quarterIds[0]?.slice(0, 4)}`;
    expect(new Set(rows.map((row) => row['source_row_id'])).size).toBe(60);
    for (const row of rows) {
      expect((row['delivered_on'] ?? '') < today).toBe(true);
      expect((row['delivered_on'] ?? '').slice(0, 4) >= firstDay).toBe(true);
      expect(row['amount']).toMatch(row['basis'] === 'unit_outcome' ? /^$/ : /^[1-9]\d*\.00$/);
    }
  });

  test('cover every basis and both currencies, and leave pricing without any', () => {
    const rows = outcomeRows(TODAY);
    expect(new Set(rows.map((row) => row['basis']))).toEqual(
      new Set(['capacity_released', 'cost_avoided', 'cost_reduction', 'revenue', 'risk_reduced', 'unit_outcome']),
    );
    expect(rows.filter((row) => row['currency'] === 'EUR').length).toBeGreaterThanOrEqual(4);
    expect(rows.filter((row) => row['pod'] === 'pricing')).toEqual([]);
  });

  test('share out at most the whole of an outcome, and some of them less', () => {
    const shared = Object.values(Object.groupBy(outcomeRows(TODAY), (row) => row['source_row_id'] ?? '')).filter(
      (rows) => (rows?.length ?? 0) > 1,
    );
    const totals = shared.map((rows) => (rows ?? []).reduce((sum, row) => sum + Number(row['share_bp']), 0));
    expect(totals.length).toBeGreaterThanOrEqual(4);
    expect(Math.max(...totals)).toBe(10_000);
    expect(totals.filter((total) => total < 10_000).length).toBeGreaterThanOrEqual(3);
  });

  test('are verified only with a baseline, evidence, and somebody other than the owner', () => {
    const rows = outcomeRows(TODAY);
    const verified = rows.filter((row) => row['state'] === 'verified');
    expect(verified.length).toBeGreaterThan(30);
    expect(rows.length - verified.length).toBeGreaterThan(10);
    for (const row of verified) {
      expect(row['baseline']).not.toBe('');
      expect(row['evidence_url']).toMatch(/^https:/);
      expect(row['verified_by']).toMatch(/@example\.com$/);
      expect(row['verified_by']).not.toBe(row['owner_email']);
    }
  });
});

describe('the exchange rates', () => {
  test('are there on every business day of the sample, and a day’s rate does not depend on when the sample is made', () => {
    const early = sampleOrganisation('2026-10-02').fxCsv.trim().split('\n');
    const late = sampleOrganisation('2026-11-22').fxCsv.trim().split('\n');
    expect(early[0]).toBe('date,base,quote,rate');
    expect(late.slice(0, early.length)).toEqual(early);
    expect(late).toContain(late.find((line) => line.startsWith('2026-11-20,EUR,USD,')));
    expect(late.some((line) => line.startsWith('2026-11-21'))).toBe(false);
    for (const line of late.slice(1)) expect(line).toMatch(/^\d{4}-\d{2}-\d{2},EUR,USD,1\.\d{4}$/);
  });
});
