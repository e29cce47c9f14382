/**
 * The organisation file as people write it: what is read and with which defaults, and the schema that is published of it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Compile from 'typebox/compile';
import { describe, expect, test } from 'vitest';
import { organisationSchema } from '../../services/organisation/organisation-schema.ts';
import { parseOrganisation } from '../../services/organisation/read-organisation-file.ts';
import { publishedJsonSchema } from '../../services/organisation/write-schema.ts';
import { faultsOf, withRule } from '../support/organisation-texts.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The contract's example, with the pods that its rules name. */
const FULL = await readFile(join(import.meta.dirname, '../support/organisation-full.yaml'), 'utf8');

describe('a file without faults', () => {
  test('every key of the contract is read', () => {
    const organisation = parseOrganisation(FULL);
    expect(organisation.reporting).toEqual({
      currency: 'USD',
      costMetric: 'EffectiveCost',
      fiscalYearStartMonth: 1,
      fiscalYearNamedBy: 'start',
      timeZone: 'UTC',
      holidays: [],
      revenueBasis: 'margin',
    });
    expect(organisation.fx).toEqual({ files: ['fx/ecb.csv'], policy: 'daily', carryDays: 7 });
    expect(organisation.pods.map((pod) => pod.id)).toEqual(['checkout', 'network', 'cloud-office']);
    expect(organisation.pods[0]).toMatchObject({
      portfolio: [{ value: 'commerce', from: '2026-01-05' }],
      owner: [{ value: 'ada@example.com' }],
      costCentre: [{ value: '4711' }],
      activations: [{ pattern: 'analytics-environment', on: '2026-01-05' }],
      aliases: ['check-out'],
    });
    expect(organisation.pods[0]).not.toHaveProperty('activeUntil');
    expect(organisation.envelopes[0]).toMatchObject({
      scope: { kind: 'pod', id: 'checkout' },
      limit: '50000',
      rungs: ['0.8', '1', '1.5', '2'],
    });
    expect(organisation.sources.map((source) => source.kind)).toHaveLength(6);
    expect(organisation.sources[2]?.settings).toEqual({ groupByTag: 'application', requestsPerDayMax: 200 });
    expect(organisation.rules).toHaveLength(6);
  });

  test('a name alone is an organisation, with every default', () => {
    const organisation = parseOrganisation('organisation: Acme\n');
    expect(organisation.reporting.currency).toBe('USD');
    expect(organisation.tags).toEqual({ fold: true, keys: {} });
    expect(organisation.pods).toEqual([]);
  });

  test('a section whose entries are all commented out is empty', () => {
    expect(parseOrganisation('organisation: Acme\nenvelopes:\n#  - scope: { pod: a }\n').envelopes).toEqual([]);
  });

  test('an unquoted limit keeps every digit it is written with', () => {
    const limit = '12345678901234567890.1234567890123456789';
    const text = `organisation: A\nenvelopes:\n  - { scope: { organisation: true }, period: 2026, limit: ${limit}, currency: USD }\n`;
    expect(parseOrganisation(text).envelopes[0]).toMatchObject({ limit, period: '2026' });
  });

  test('an unquoted account id keeps its leading zeros', () => {
    const organisation = parseOrganisation(withRule('{ id: a, when: { subAccountId: [0012, 1e3] }, pod: checkout }'));
    expect(organisation.rules[0]?.when).toEqual({ subAccountId: ['0012', '1e3'] });
  });

  test('tag.KEY and tag: { KEY } are one test', () => {
    const dotted = parseOrganisation(withRule('{ id: a, when: { any: [{ tag.env: prod }] }, pod: checkout }'));
    const nested = parseOrganisation(withRule('{ id: a, when: { any: [{ tag: { env: prod } }] }, pod: checkout }'));
    expect(dotted).toEqual(nested);
  });

  test.each([
    ['ratios', '{ checkout: 0.3, search: "0.7" }'],
    ['per cent', '{ checkout: 33.33, search: 66.67 }'],
    ['basis points', '{ checkout: 2500, search: 7500 }'],
  ])('fixed weights may be %s', (_name, weights) => {
    const split = `{ id: a, when: {}, split: { method: fixed, weights: ${weights} } }`;
    expect(faultsOf(withRule(split))).toEqual([]);
  });

  test('anchors and aliases of YAML are read', () => {
    const text = 'organisation: A\nholiday: &day 2026-01-01\n'.replace(
      'holiday: &day 2026-01-01',
      'reporting: { holidays: [&day 2026-01-01, *day] }',
    );
    expect(parseOrganisation(text).reporting.holidays).toEqual(['2026-01-01', '2026-01-01']);
  });
});

describe('the published schema', () => {
  test('outturn.schema.json is in step with the schema the reader uses', async () => {
    const published: unknown = JSON.parse(await readFile(join(ROOT, 'outturn.schema.json'), 'utf8'));
    expect(published).toEqual(JSON.parse(JSON.stringify(publishedJsonSchema())));
  });

  test('it accepts what the reader accepts and refuses unknown keys', () => {
    const validator = Compile(JSON.parse(JSON.stringify(organisationSchema)) as Record<string, unknown>);
    const rule = { id: 'a', when: { any: [{ provider: 'AWS' }, { 'tag.env': { not: { prefix: 'x' } } }] }, pod: 'p' };
    expect(validator.Check({ organisation: 'A', envelopes: null, rules: [rule] })).toBe(true);
    expect(validator.Check({ organisation: 'A', rules: [{ ...rule, when: { any: [{ providr: 'AWS' }] } }] })).toBe(
      false,
    );
    expect(validator.Check({ organisation: 'A', rules: [{ ...rule, unattributed: 'x' }] })).toBe(false);
  });

  test('the guide describes every key', async () => {
    const guide = await readFile(join(ROOT, 'docs/organisation-file.md'), 'utf8');
    const names = [...propertyNames(publishedJsonSchema())];
    expect(names.length).toBeGreaterThan(60);
    expect(names.filter((name) => !new RegExp(`\`[^\`]*\\b${name}\\b[^\`]*\``).test(guide))).toEqual([]);
  });
});

function propertyNames(schema: unknown, found = new Set<string>()): Set<string> {
  if (typeof schema !== 'object' || schema === null) return found;
  for (const [keyword, part] of Object.entries(schema)) {
    if (keyword === 'properties') for (const name of Object.keys(part as object)) found.add(name);
    propertyNames(part, found);
  }
  return found;
}
