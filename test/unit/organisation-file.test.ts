/**
 * The organisation file as people write it: what is read, with which defaults, and how each fault is told. Every message is
 * checked whole, because the message is what the reader of a refusal has.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Compile from 'typebox/compile';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../services/kernel/errors.ts';
import { organisationSchema } from '../../services/organisation/organisation-schema.ts';
import { parseOrganisation, readOrganisationFile } from '../../services/organisation/read-organisation-file.ts';
import { publishedJsonSchema } from '../../services/organisation/write-schema.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The contract's example, with the pods that its rules name. */
const FULL = await readFile(join(import.meta.dirname, '../support/organisation-full.yaml'), 'utf8');

function catchRefusal(text: string): AppError | null {
  try {
    parseOrganisation(text);
    return null;
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_organisation') return error;
    throw error;
  }
}

function faultsOf(text: string): string[] {
  return catchRefusal(text)?.message.split('\n') ?? [];
}

const TWO_PODS = 'organisation: Acme\npods:\n  - { id: checkout, aliases: [check-out] }\n  - { id: search }\n';
const ONE_RULE = (rule: string): string => `${TWO_PODS}rules:\n  - ${rule}\n`;

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
    const organisation = parseOrganisation(ONE_RULE('{ id: a, when: { subAccountId: [0012, 1e3] }, pod: checkout }'));
    expect(organisation.rules[0]?.when).toEqual({ subAccountId: ['0012', '1e3'] });
  });

  test('tag.KEY and tag: { KEY } are one test', () => {
    const dotted = parseOrganisation(ONE_RULE('{ id: a, when: { any: [{ tag.env: prod }] }, pod: checkout }'));
    const nested = parseOrganisation(ONE_RULE('{ id: a, when: { any: [{ tag: { env: prod } }] }, pod: checkout }'));
    expect(dotted).toEqual(nested);
  });

  test.each([
    ['ratios', '{ checkout: 0.3, search: "0.7" }'],
    ['per cent', '{ checkout: 33.33, search: 66.67 }'],
    ['basis points', '{ checkout: 2500, search: 7500 }'],
  ])('fixed weights may be %s', (_name, weights) => {
    const split = `{ id: a, when: {}, split: { method: fixed, weights: ${weights} } }`;
    expect(faultsOf(ONE_RULE(split))).toEqual([]);
  });

  test('anchors and aliases of YAML are read', () => {
    const text = 'organisation: A\nholiday: &day 2026-01-01\n'.replace(
      'holiday: &day 2026-01-01',
      'reporting: { holidays: [&day 2026-01-01, *day] }',
    );
    expect(parseOrganisation(text).reporting.holidays).toEqual(['2026-01-01', '2026-01-01']);
  });
});

describe('faults of form', () => {
  test.each<[name: string, text: string, message: string]>([
    [
      'an unknown key of a pod',
      'organisation: Acme\npods:\n  - id: checkout\n    slackChanel: C1\n',
      'outturn.yaml line 4: unknown key "slackChanel" in pod "checkout". Did you mean "slackChannel"?',
    ],
    [
      'an unknown key at the top',
      'organisation: Acme\npod: []\n',
      'outturn.yaml line 2: unknown key "pod" at the top of the file. Did you mean "pods"?',
    ],
    [
      'an unknown dimension of when',
      ONE_RULE('{ id: a, when: { not: { servicename: EC2 } }, pod: checkout }'),
      'outturn.yaml line 6: unknown key "servicename" in the when of rule "a". Did you mean "serviceName"?',
    ],
    [
      'an unknown form of a test',
      ONE_RULE('{ id: a, when: { serviceName: { like: "x%" } }, pod: checkout }'),
      'outturn.yaml line 6: unknown key "like" in the test of rule "a". Give "glob", "prefix", "exists" or "not".',
    ],
    [
      'an empty glob',
      ONE_RULE('{ id: a, when: { serviceName: { glob: "" } }, pod: checkout }'),
      'outturn.yaml line 6: "glob" in the test of rule "a" is an empty text. Write something, or leave the key out.',
    ],
    [
      'an unknown kind of source',
      'organisation: A\nsources:\n  - { id: x, kind: aws-data-exports, bucket: b }\n',
      'outturn.yaml line 3: unknown kind "aws-data-exports" in source "x". Did you mean "aws-data-export"?',
    ],
    [
      'a source without a key its kind needs',
      'organisation: A\nsources:\n  - { id: gcp, kind: gcp-bigquery-export }\n',
      'outturn.yaml line 3: source "gcp" lacks "table". Add it: project.dataset.table.',
    ],
    [
      'an unknown split method',
      ONE_RULE('{ id: a, when: {}, split: { method: evne } }'),
      'outturn.yaml line 6: unknown method "evne" in the split of rule "a". Did you mean "even"?',
    ],
    [
      'a split by usage without its metric',
      ONE_RULE('{ id: a, when: {}, split: { method: usage } }'),
      'outturn.yaml line 6: the split of rule "a" lacks "metric". Add it: the metric: what `outturn metrics import` was given.',
    ],
    [
      'a word that is none of the few',
      'organisation: A\nreporting:\n  costMetric: EfectiveCost\n',
      'outturn.yaml line 3: "costMetric" in reporting is "EfectiveCost". Did you mean "EffectiveCost"?',
    ],
    [
      'a currency that does not exist',
      'organisation: A\nreporting: { currency: USX }\n',
      'outturn.yaml line 2: "currency" in reporting is "USX", which is not an ISO 4217 currency. Write a three-letter ISO 4217 code such as USD or EUR.',
    ],
    [
      'a time zone that does not exist',
      'organisation: A\nreporting: { timeZone: Europe/Berln }\n',
      'outturn.yaml line 2: "timeZone" in reporting is "Europe/Berln", which is not a time zone. Did you mean "Europe/Berlin"?',
    ],
    [
      'a date that is not in the calendar',
      'organisation: A\npods: [{ id: a, activeFrom: 2026-02-30 }]\n',
      'outturn.yaml line 2: "activeFrom" in pod "a" is "2026-02-30", which is not a date. Write it as 2026-01-05, of the years 1900 to 2999; what has no end is written without one.',
    ],
    [
      'a jitter of months, whose lengths differ',
      'organisation: A\nsources: [{ id: a, kind: focus-files, path: b, schedule: { jitter: P1M } }]\n',
      'outturn.yaml line 2: "jitter" in the schedule of source "a" is "P1M", which is not a duration of days, hours, minutes or seconds. Write PT10M for ten minutes, PT1H for an hour.',
    ],
    [
      'a nickname in place of a cron expression',
      'organisation: A\nsources: [{ id: a, kind: focus-files, path: b, schedule: { cron: "@daily" } }]\n',
      'outturn.yaml line 2: "cron" in the schedule of source "a" is "@daily", which is not a cron expression. Write five fields: minute, hour, day of month, month, day of week; "0 6 * * *" is every day at six.',
    ],
    [
      'a duration that is none',
      'organisation: A\nsources: [{ id: a, kind: focus-files, path: b, expectEvery: 1 day }]\n',
      'outturn.yaml line 2: "expectEvery" in source "a" is "1 day", which is not an ISO 8601 duration. Write P1D for a day, PT6H for six hours, P2W for two weeks.',
    ],
    [
      'a limit that is no number',
      'organisation: A\nenvelopes: [{ scope: { organisation: true }, period: 2026, limit: 12k, currency: USD }]\n',
      'outturn.yaml line 2: "limit" in envelope 1 is "12k", which is not a decimal number. Write digits and at most one point, as "12000.00".',
    ],
    [
      'a channel by its name',
      "organisation: A\nchannels: { finance: '#finance' }\n",
      'outturn.yaml line 2: "finance" in channels is "#finance", which is not a channel. Write the id of a Slack channel (C0123ABCDEF, at the foot of its details), mailto:team@example.com, teams:NAME or webhook:NAME.',
    ],
    [
      'a channel of a kind that is none',
      'organisation: A\npods:\n  - { id: a, channel: https://example.com/hook }\n',
      'outturn.yaml line 3: "channel" in pod "a" is "https://example.com/hook", which is not a channel. Write the id of a Slack channel (C0123ABCDEF, at the foot of its details), mailto:team@example.com, teams:NAME or webhook:NAME.',
    ],
    [
      'two channels for one pod',
      'organisation: A\npods:\n  - id: a\n    slackChannel: C0123ABCDEF\n    channel: mailto:team@example.com\n',
      'outturn.yaml line 5: pod "a" has both slackChannel and channel. Its alerts go to one place: keep channel, which takes a Slack channel id as well, and leave slackChannel out.',
    ],
    [
      'two channels for one portfolio',
      'organisation: A\nportfolios:\n  - { id: a, name: A, slackChannel: C0123ABCDEF, channel: C0123ABCDEF }\n',
      'outturn.yaml line 3: portfolio "a" has both slackChannel and channel. Its alerts go to one place: keep channel, which takes a Slack channel id as well, and leave slackChannel out.',
    ],
    [
      'a delegation in nobody’s name',
      'organisation: A\nportfolios:\n  - id: a\n    name: A\n    delegatedRaise: { limit: 5, currency: USD }\n',
      'outturn.yaml line 5: portfolio "a" delegates raises but has no financePartner. Name the one in whose name they are granted.',
    ],
    [
      'a delegation of nothing',
      'organisation: A\nportfolios:\n  - { id: a, name: A, financePartner: g@example.com, delegatedRaise: { limit: 0, currency: USD } }\n',
      'outturn.yaml line 3: delegatedRaise of portfolio "a" has the limit 0. A limit is above zero.',
    ],
    [
      'a key without a value',
      'organisation: A\npods:\n  - id: a\n    owner:\n',
      'outturn.yaml line 4: "owner" in pod "a" has no value. Write one, or leave the key out.',
    ],
    [
      'a text that YAML reads as a number where it must be quoted',
      'organisation: 42\n',
      'outturn.yaml line 1: "organisation" is 42, which YAML reads as a number. Quote it: "42".',
    ],
    [
      'a list where a map belongs',
      'organisation: A\nreporting: []\n',
      'outturn.yaml line 2: "reporting" is a list. It must be a map of keys.',
    ],
    [
      'a key that appears twice',
      'organisation: A\npods:\n  - id: a\n    name: A\n    name: B\n',
      'outturn.yaml line 5: the key "name" appears twice. Keep one of them.',
    ],
    [
      'a quote that is never closed',
      'organisation: "Acme\n',
      'outturn.yaml line 2: this is not valid YAML: missing closing "quote. Check indentation, colons, quotes and brackets around it.',
    ],
    ['an empty file', '', 'outturn.yaml line 1: the file is empty. It needs at least `organisation: NAME`.'],
  ])('%s', (_name, text, message) => {
    expect(faultsOf(text)).toEqual([message]);
  });

  test('all faults are told at once, in the order of their lines', () => {
    const text = 'organisaton: A\npods:\n  - { id: a, kid: delivery }\n  - { idd: b }\nreporting: { currency: EURO }\n';
    expect(faultsOf(text).map((line) => /line (\d+)/.exec(line)?.[1])).toEqual(['1', '1', '3', '4', '4', '5']);
  });

  test('at most 20 faults are told, with how many are left', () => {
    const text = `organisation: A\npods:\n${Array.from({ length: 30 }, (_, index) => `  - { id: p${index}, x: 1 }`).join('\n')}\n`;
    const lines = faultsOf(text);
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('… and 10 more');
  });

  test('a fault carries its line and column as data', () => {
    const error = catchRefusal('organisation: Acme\npods:\n  - id: checkout\n    slackChanel: C1\n');
    expect(error?.faults[0]).toMatchObject({ file: 'outturn.yaml', line: 4 });
    expect(error?.details['places']).toMatchObject([{ line: 4, column: 5, path: '/pods/0/slackChanel' }]);
  });

  test('aliases that unfold without end are refused, not followed', () => {
    const layers = Array.from(
      { length: 12 },
      (_, index) =>
        `  k${index}: &k${index} [${Array(9)
          .fill(index === 0 ? 'x' : `*k${index - 1}`)
          .join(', ')}]`,
    );
    expect(faultsOf(`organisation: A\ntags: { keys: {\n${layers.join(',\n')} } }\n`)).not.toEqual([]);
  });

  test('a file that is not there is told with what to do', async () => {
    await expect(readOrganisationFile('/nowhere/outturn.yaml')).rejects.toThrow(
      'There is no organisation file at /nowhere/outturn.yaml. Propose one with `outturn init --from BILL`',
    );
  });
});

describe('faults of meaning', () => {
  const envelope = (rest: string): string => `${TWO_PODS}envelopes:\n  - { currency: USD, ${rest} }\n`;
  test.each<[name: string, text: string, message: string]>([
    [
      'a rule that names an unknown pod',
      ONE_RULE('{ id: a, when: { provider: AWS }, pod: chekout }'),
      'outturn.yaml line 6: rule "a" names pod "chekout", which is not defined. Did you mean "checkout"?',
    ],
    [
      'a rule that names a pod by its alias',
      ONE_RULE('{ id: a, when: {}, pod: check-out }'),
      'outturn.yaml line 6: rule "a" names pod "check-out", which is not defined. It is an alias of pod "checkout": write that id.',
    ],
    [
      'a split whose owner is unknown',
      ONE_RULE('{ id: a, when: {}, split: { method: even, owner: serch } }'),
      'outturn.yaml line 6: owner in the split of rule "a" names pod "serch", which is not defined. Did you mean "search"?',
    ],
    [
      'a split among an unknown portfolio',
      ONE_RULE('{ id: a, when: {}, split: { method: even, among: { portfolio: commerce } } }'),
      'outturn.yaml line 6: the split of rule "a" names portfolio "commerce", which is not defined. The file defines no portfolios.',
    ],
    [
      'a pod activated from an unknown pattern',
      'organisation: A\npatterns: [{ id: web-shop, name: W }]\npods:\n  - { id: a, activations: [{ pattern: webshop, on: 2026-01-01 }] }\n',
      'outturn.yaml line 4: pod "a" names pattern "webshop", which is not defined. Did you mean "web-shop"?',
    ],
    [
      'weights that do not sum',
      ONE_RULE('{ id: a, when: {}, split: { method: fixed, weights: { checkout: 0.5, search: 0.4 } } }'),
      'outturn.yaml line 6: the weights in the split of rule "a" sum to 0.9. They sum to 1 (ratios), 100 (per cent) or 10000 (basis points): 0.1 is missing to 1.',
    ],
    [
      'a weight of zero',
      ONE_RULE('{ id: a, when: {}, split: { method: fixed, weights: { checkout: 1, search: 0 } } }'),
      'outturn.yaml line 6: the weight of pod "search" in the split of rule "a" is 0. A weight is above zero; leave the pod out to give it nothing.',
    ],
    [
      'weights that leave out one of among',
      ONE_RULE('{ id: a, when: {}, split: { method: fixed, among: [checkout, search], weights: { checkout: 1 } } }'),
      'outturn.yaml line 6: the weights in the split of rule "a" lack "search", which "among" names. Give each pod of "among" a weight, or leave "among" out: the weights name the pods.',
    ],
    [
      'two rules with one id',
      `${ONE_RULE('{ id: tax, when: {}, pod: checkout }')}  - { id: tax, when: {}, pod: search }\n`,
      'outturn.yaml line 7: a second rule has the id "tax". Give each its own id.',
    ],
    [
      'two pods with one id',
      'organisation: A\npods: [{ id: a }, { id: b },\n  { id: a }]\n',
      'outturn.yaml line 3: a second pod has the id "a". Give each its own id.',
    ],
    [
      'an alias that is another pod',
      'organisation: A\npods:\n  - { id: pay }\n  - { id: a, aliases: [Pay] }\n',
      'outturn.yaml line 4: "Pay" is a name of both pod "pay" and pod "a". An id or alias belongs to one pod.',
    ],
    [
      'a rule with two results',
      ONE_RULE('{ id: a, when: {}, pod: checkout, unattributed: nobody }'),
      'outturn.yaml line 6: rule "a" has 2 results: pod, unattributed. Give exactly one of pod, podFromTag, split and unattributed.',
    ],
    [
      'a rule without a result',
      ONE_RULE('{ id: a, when: { provider: AWS } }'),
      'outturn.yaml line 6: rule "a" has no result. Give exactly one of pod, podFromTag, split and unattributed.',
    ],
    [
      'a rule that ends on the day it starts',
      ONE_RULE('{ id: a, from: 2026-05-01, until: 2026-05-01, when: {}, pod: checkout }'),
      'outturn.yaml line 6: rule "a" ends on 2026-05-01, which is not after its start 2026-05-01. The end is the first day it no longer holds.',
    ],
    [
      'a limit of zero',
      envelope('scope: { pod: checkout }, period: 2026-Q1, limit: "0"'),
      'outturn.yaml line 6: envelope 1 has the limit 0. A limit is above zero.',
    ],
    [
      'a negative limit',
      envelope('scope: { pod: checkout }, period: 2026-Q1, limit: "-1000.00"'),
      'outturn.yaml line 6: envelope 1 has the limit -1000.00. A limit is above zero.',
    ],
    [
      'a limit of zero in a pattern',
      'organisation: A\npatterns:\n  - { id: p, name: P, envelope: { every: month, limit: 0.00, currency: USD } }\n',
      'outturn.yaml line 3: the envelope of pattern "p" has the limit 0.00. A limit is above zero.',
    ],
    [
      'rungs without 1',
      envelope('scope: { pod: checkout }, period: 2026-Q1, limit: "1", rungs: [0.5, 0.9]'),
      'outturn.yaml line 6: the rungs of envelope 1 lack 1. The rung at 1, where the limit is reached, is mandatory.',
    ],
    [
      'rungs that fall',
      envelope('scope: { pod: checkout }, period: 2026-Q1, limit: "1", rungs: [1, 0.8]'),
      'outturn.yaml line 6: the rungs of envelope 1 go from 1 to 0.8. List them ascending, each once.',
    ],
    [
      'one period spelled twice for one scope',
      `${envelope('scope: { pod: checkout }, period: 2026-Q1, limit: "1"')}  - { scope: { pod: checkout }, period: 2026-01-01..2026-04-01, limit: "2", currency: EUR }\n`,
      'outturn.yaml line 7: envelope 2 is for the same scope and period, counted the same way, as envelope 1. Keep one of them.',
    ],
    [
      'successors that take more than all',
      'organisation: A\npods:\n  - { id: a, succeededBy: [{ pod: b, basisPoints: 6000 }, { pod: c, basisPoints: 5000 }] }\n  - { id: b }\n  - { id: c }\n',
      'outturn.yaml line 3: the successors of pod "a" take 11000 basisPoints. All of it is 10000: take 1000 away.',
    ],
    [
      'successors that leave a part to nobody',
      'organisation: A\npods:\n  - { id: a, succeededBy: [{ pod: b, basisPoints: 6000 }] }\n  - { id: b }\n',
      'outturn.yaml line 3: the successors of pod "a" take 6000 basisPoints. All of it is 10000: add 4000.',
    ],
    [
      'a successor that does not exist',
      'organisation: A\npods:\n  - { id: pay, succeededBy: [{ pod: shopping, basisPoints: 10000 }] }\n  - { id: shoping }\n',
      'outturn.yaml line 3: succeededBy of pod "pay" names pod "shopping", which is not defined. Did you mean "shoping"?',
    ],
    [
      'a succession that comes back',
      'organisation: A\npods:\n  - { id: a, succeededBy: [{ pod: b, basisPoints: 10000 }] }\n  - { id: b, succeededBy: [{ pod: c, basisPoints: 10000 }] }\n  - { id: c, succeededBy: [{ pod: b, basisPoints: 10000 }] }\n',
      'outturn.yaml line 5: the succession "b" → "c" → "b" comes back to its start. Successions run one way: a pod that ended is not taken up by one it succeeds.',
    ],
    [
      'dated values out of order',
      'organisation: A\npods:\n  - { id: a, owner: [{ value: x, from: 2026-02-01 }, { value: y, from: 2026-01-01 }] }\n',
      'outturn.yaml line 3: "owner" of pod "a" goes from 2026-02-01 to 2026-01-01. List the entries by ascending date.',
    ],
    [
      'a spelling of two tag keys',
      'organisation: A\ntags:\n  keys:\n    application: [app]\n    team: [App ]\n',
      'outturn.yaml line 5: "App" is a spelling of both tag key "application" and tag key "team". A spelling belongs to one key.',
    ],
  ])('%s', (_name, text, message) => {
    expect(faultsOf(text)).toEqual([message]);
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
