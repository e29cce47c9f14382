/** Faults of form in the organisation file. Every message is checked whole, because the message is what the reader of a refusal has. */
import { describe, expect, test } from 'vitest';
import { readOrganisationFile } from '../../services/organisation/read-organisation-file.ts';
import { faultsOf, refusalOf, withRule } from '../support/organisation-texts.ts';

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
      withRule('{ id: a, when: { not: { servicename: EC2 } }, pod: checkout }'),
      'outturn.yaml line 6: unknown key "servicename" in the when of rule "a". Did you mean "serviceName"?',
    ],
    [
      'an unknown form of a test',
      withRule('{ id: a, when: { serviceName: { like: "x%" } }, pod: checkout }'),
      'outturn.yaml line 6: unknown key "like" in the test of rule "a". Give "glob", "prefix", "exists" or "not".',
    ],
    [
      'an empty glob',
      withRule('{ id: a, when: { serviceName: { glob: "" } }, pod: checkout }'),
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
      withRule('{ id: a, when: {}, split: { method: evne } }'),
      'outturn.yaml line 6: unknown method "evne" in the split of rule "a". Did you mean "even"?',
    ],
    [
      'a split by usage without its metric',
      withRule('{ id: a, when: {}, split: { method: usage } }'),
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
    const error = refusalOf('organisation: Acme\npods:\n  - id: checkout\n    slackChanel: C1\n');
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
