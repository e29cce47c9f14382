/**
 * The schema of outturn.yaml: every key, its form and its description, in one place. The reader checks files against it,
 * outturn.schema.json is written from it for editors, and the docs are held to it by a test.
 */
import { type Static, Type } from 'typebox';
import { COST_METRICS, RULE_DIMENSIONS, type RuleWhen } from '../attribution/rulebook.ts';
import { intakeSchema } from './intake-schema.ts';
import { dated, formatted, object, oneOf, plainText, section, text } from './schema-leaves.ts';
import { sourceSchema } from './source-schema.ts';

const reporting = object('reporting', {
  currency: Type.Optional(
    formatted('currency-code', 'ISO 4217 code every report is in unless asked otherwise. Default USD.'),
  ),
  costMetric: Type.Optional(
    oneOf(COST_METRICS, 'The FOCUS cost that reports and envelopes use. Default EffectiveCost.'),
  ),
  fiscalYearStartMonth: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 12, description: 'The month the fiscal year starts in. Default 1.' }),
  ),
  fiscalYearNamedBy: Type.Optional(
    oneOf(['start', 'end'], 'Whether a fiscal year is named by the calendar year it starts or ends in. Default start.'),
  ),
  timeZone: Type.Optional(
    formatted(
      'time-zone',
      'IANA time zone of business days and of times shown. Charge dates are always UTC. Default UTC.',
    ),
  ),
  holidays: Type.Optional(
    Type.Array(formatted('plain-date', 'A day without work.'), { description: 'Days that are no business days.' }),
  ),
  revenueBasis: Type.Optional(
    oneOf(['margin', 'gross'], 'Which revenue enters the return; printed on every report. Default margin.'),
  ),
});

const fx = object('fx', {
  files: Type.Optional(
    Type.Array(text('A CSV of rates: date,base,quote,rate.'), {
      description: 'Exchange rate files, relative to the organisation file.',
    }),
  ),
  policy: Type.Optional(
    oneOf(['daily', 'month-average'], 'The rate of each day, or the average of its month. Default daily.'),
  ),
  carryDays: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 366, description: 'How many days a rate serves days without one. Default 7.' }),
  ),
});

const CHANNEL_FORMS = 'a Slack channel id, mailto:ADDRESS, teams:NAME or webhook:NAME.';

const channels = object('channels', {
  finance: Type.Optional(formatted('channel', `For finance: ${CHANNEL_FORMS}`)),
  operators: Type.Optional(formatted('channel', `For the people who run the product: ${CHANNEL_FORMS}`)),
});

const journal = object('journal', {
  expenseAccount: Type.Optional(
    plainText('Account that the cost of pods with a cost centre is debited to. Default cloud-expense.'),
  ),
  unassignedAccount: Type.Optional(plainText('The same of pods without a cost centre. Default cloud-unassigned.')),
  unattributedAccount: Type.Optional(plainText('The same of what belongs to no pod. Default cloud-unattributed.')),
  clearingAccount: Type.Optional(
    plainText('Account that the providers’ invoices were booked on: the other side. Default cloud-clearing.'),
  ),
});

const EVIDENCE_BYTES_MAX = 1_099_511_627_776;

const evidence = object('evidence', {
  bytesMax: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: EVIDENCE_BYTES_MAX,
      description: 'What all uploaded files may hold together. Default 5368709120 (5 GB).',
    }),
  ),
  bytesPerDayMax: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: EVIDENCE_BYTES_MAX,
      description: 'What one name may add to it in a UTC day. Default 536870912 (512 MB).',
    }),
  ),
});

const tags = object('tags', {
  fold: Type.Optional(
    Type.Boolean({ description: 'Whether tag keys and values match trimmed and case-folded. Default true.' }),
  ),
  keys: Type.Optional(
    Type.Record(Type.String(), Type.Array(text('A spelling.'), { minItems: 1 }), {
      title: 'tag keys',
      description: 'Further spellings of a tag key, by the key rules ask for.',
    }),
  ),
});

const portfolio = object('portfolio', {
  id: formatted('id', 'Unique among portfolios.'),
  name: text('Shown in reports.'),
  owner: Type.Optional(text('Who answers for it.')),
  financePartner: Type.Optional(text('Who approves its envelopes.')),
  delegatedRaise: Type.Optional(
    object(
      'delegatedRaise',
      {
        limit: plainText('Money above zero, for example "5000.00".', 'decimal'),
        currency: formatted('currency-code', 'ISO 4217 code.'),
      },
      {
        description:
          'How far a pod’s limit may be raised above what a person approved, inside the headroom, without asking.',
      },
    ),
  ),
  slackChannel: Type.Optional(formatted('slack-channel', 'Slack channel id its alerts go to.')),
  channel: Type.Optional(formatted('channel', `Where its alerts go, instead of slackChannel: ${CHANNEL_FORMS}`)),
});

const pattern = object('pattern', {
  id: formatted('id', 'Unique among patterns.'),
  name: text('Shown in reports.'),
  approvedBy: Type.Optional(Type.Array(text('Who approved it.'), { description: 'The approvals it already carries.' })),
  envelope: Type.Optional(
    object('envelope', {
      every: oneOf(['month', 'quarter', 'year'], 'The period the limit is for.'),
      limit: plainText('Money above zero, for example "12000.00".', 'decimal'),
      currency: formatted('currency-code', 'ISO 4217 code.'),
    }),
  ),
  timeToProductiveTarget: Type.Optional(
    formatted('iso-duration', 'From activation to productive work, as an ISO 8601 duration: P2D.'),
  ),
});

const pod = object('pod', {
  id: formatted('id', 'Unique among pods and their aliases.'),
  name: Type.Optional(text('Shown in reports. Default: the id.')),
  kind: Type.Optional(
    oneOf(
      ['delivery', 'platform', 'central'],
      'What it is for: delivering, enabling others, or holding what belongs to all. Default delivery.',
    ),
  ),
  portfolio: Type.Optional(dated('A portfolio id, or a dated list of them.')),
  owner: Type.Optional(dated('Who answers for it, or a dated list of them.')),
  costCentre: Type.Optional(dated('Its cost centre in the ledger, or a dated list of them.')),
  financePartner: Type.Optional(text('Who approves its envelopes.')),
  slackChannel: Type.Optional(formatted('slack-channel', 'Slack channel id its alerts go to.')),
  channel: Type.Optional(formatted('channel', `Where its alerts go, instead of slackChannel: ${CHANNEL_FORMS}`)),
  activeFrom: Type.Optional(formatted('plain-date', 'Its first charge date.')),
  activeUntil: Type.Optional(
    Type.Unsafe<string | null>({
      anyOf: [formatted('plain-date', 'The first charge date after its last.'), Type.Null()],
      description: 'The first charge date after its last; null or absent: still active.',
    }),
  ),
  succeededBy: Type.Optional(
    Type.Array(
      object('successor', {
        pod: text('A pod id.'),
        basisPoints: Type.Integer({
          minimum: 1,
          maximum: 10_000,
          description: 'Its part; all parts together are 10000.',
        }),
      }),
      { description: 'Pods that cumulative figures follow to.' },
    ),
  ),
  activations: Type.Optional(
    Type.Array(
      object('activation', {
        pattern: text('A pattern id.'),
        on: formatted('plain-date', 'The date the pod was activated from it.'),
      }),
      { description: 'Patterns it was activated from; each gives it the envelope of the pattern at once.' },
    ),
  ),
  aliases: Type.Optional(
    Type.Array(plainText('A name in the bills.'), { description: 'Other names that podFromTag knows it by.' }),
  ),
});

const envelope = object('envelope', {
  scope: Type.Unsafe<
    | { readonly pod: string }
    | { readonly portfolio: string }
    | { readonly organisation: true }
    | { readonly unattributed: true }
  >({
    anyOf: [
      object('scope', { pod: text('A pod id.') }),
      object('scope', { portfolio: text('A portfolio id.') }),
      object('scope', { organisation: Type.Literal(true, { description: 'The whole organisation.' }) }),
      object('scope', { unattributed: Type.Literal(true, { description: 'What no rule gave to a pod.' }) }),
    ],
    description: 'Whose money it is: a pod, a portfolio, the organisation, or the unattributed.',
  }),
  period: plainText('2026-09, 2026-Q4, 2026 or 2026-09-01..2026-09-15 (end exclusive).', 'period-name'),
  limit: plainText('Money above zero, for example "50000.00".', 'decimal'),
  currency: formatted('currency-code', 'ISO 4217 code of the limit.'),
  costMetric: Type.Optional(oneOf(COST_METRICS, 'The FOCUS cost it counts. Default: that of reporting.')),
  counts: Type.Optional(
    oneOf(
      ['controlled', 'loaded'],
      'Direct cost with the shared cost it owns, or with its share of it. Default controlled.',
    ),
  ),
  rungs: Type.Optional(
    Type.Array(plainText('A share of the limit.', 'decimal'), {
      minItems: 1,
      maxItems: 20,
      description: 'The shares of the limit it speaks at, ascending, 1 among them. Default 0.8, 1, 1.5, 2.',
    }),
  ),
  approvedBy: Type.Optional(text('Who approved it.')),
  approvedAt: Type.Optional(formatted('plain-date', 'When.')),
  approval: Type.Optional(plainText('The reference of the approval.')),
});

const WHEN = '#/$defs/when';
const TEST = '#/$defs/test';

const test = Type.Unsafe<unknown>({
  description: 'A value, a list of values (any of), or one of glob, prefix, exists, not.',
  anyOf: [
    plainText('Equals this value.'),
    Type.Array(plainText('Equals this value.'), { minItems: 1 }),
    object('test', { glob: plainText('Matches this pattern: * any characters, ? one character.') }),
    object('test', { prefix: plainText('Starts with this text.') }),
    object('test', { exists: Type.Boolean({ description: 'Whether there is a value at all.' }) }),
    object('test', { not: Type.Ref(TEST) }),
  ],
});

const when = Type.Unsafe<unknown>({
  ...object('when', {
    ...Object.fromEntries(RULE_DIMENSIONS.map((dimension) => [dimension, Type.Optional(Type.Ref(TEST))])),
    tag: Type.Optional(Type.Record(Type.String(), Type.Ref(TEST), { title: 'tag', description: 'Tests by tag key.' })),
    any: Type.Optional(Type.Array(Type.Ref(WHEN), { minItems: 1, description: 'One of these holds.' })),
    all: Type.Optional(Type.Array(Type.Ref(WHEN), { minItems: 1, description: 'All of these hold.' })),
    not: Type.Optional(Type.Ref(WHEN)),
  }),
  patternProperties: { '^tag\\..+$': Type.Ref(TEST) },
  description: 'What a charge must be like; several keys are and.',
});

const among = Type.Unsafe<readonly string[] | { readonly portfolio: string } | 'all'>({
  anyOf: [
    Type.Literal('all'),
    Type.Array(text('A pod id.'), { minItems: 1 }),
    object('among', { portfolio: text('A portfolio id.') }),
  ],
  description: 'Who takes part: a list of pods, a portfolio, or all. Default all.',
});

const owner = text('The pod that answers for this shared cost.');

const split = Type.Unsafe<
  | { readonly method: 'even'; readonly among?: Static<typeof among>; readonly owner?: string }
  | {
      readonly method: 'proportional';
      readonly basis?: (typeof COST_METRICS)[number];
      readonly among?: Static<typeof among>;
      readonly owner?: string;
    }
  | {
      readonly method: 'fixed';
      readonly weights: Readonly<Record<string, string>>;
      readonly among?: Static<typeof among>;
      readonly owner?: string;
    }
  | {
      readonly method: 'usage';
      readonly metric: string;
      readonly among?: Static<typeof among>;
      readonly owner?: string;
    }
>({
  anyOf: [
    object('split', {
      method: Type.Literal('even', { description: 'Everyone the same part.' }),
      among: Type.Optional(among),
      owner: Type.Optional(owner),
    }),
    object('split', {
      method: Type.Literal('proportional', { description: "In proportion to the pods' direct cost of the month." }),
      basis: Type.Optional(oneOf(COST_METRICS, 'The cost the shares are taken from. Default: that of reporting.')),
      among: Type.Optional(among),
      owner: Type.Optional(owner),
    }),
    object('split', {
      method: Type.Literal('fixed', { description: 'By weights.' }),
      weights: Type.Record(Type.String(), plainText('Above zero.', 'decimal'), {
        title: 'weights',
        description: 'A weight by pod id; they sum to 1, 100 or 10000.',
      }),
      among: Type.Optional(among),
      owner: Type.Optional(owner),
    }),
    object('split', {
      method: Type.Literal('usage', { description: "In proportion to the pods' quantities of a usage metric." }),
      metric: formatted('id', 'The metric: what `outturn metrics import` was given.'),
      among: Type.Optional(among),
      owner: Type.Optional(owner),
    }),
  ],
  description: 'Shares the cost between pods.',
});

const rule = object(
  'rule',
  {
    id: formatted('id', 'Unique among rules.'),
    from: Type.Optional(formatted('plain-date', 'The first charge date it holds on.')),
    until: Type.Optional(formatted('plain-date', 'The first charge date it no longer holds on.')),
    when: Type.Unsafe<RuleWhen>(Type.Ref(WHEN)),
    pod: Type.Optional(text('The pod id that bears it.')),
    podFromTag: Type.Optional(text('The tag key whose value is a pod id or alias.')),
    split: Type.Optional(split),
    unattributed: Type.Optional(text('Why it belongs to nobody.')),
  },
  { oneOf: ['pod', 'podFromTag', 'split', 'unattributed'].map((key) => ({ required: [key] })) },
);

/** The organisation file. Recursive parts are `$defs`, so that the same value is a JSON Schema for editors. */
export const organisationSchema = object(
  'organisation file',
  {
    organisation: text('The name of the organisation.'),
    reporting: Type.Optional(reporting),
    fx: Type.Optional(fx),
    channels: Type.Optional(channels),
    journal: Type.Optional(journal),
    evidence: Type.Optional(evidence),
    tags: Type.Optional(tags),
    portfolios: section(portfolio, 'Groups of pods.'),
    patterns: section(pattern, 'Pre-approved environments.'),
    pods: section(pod, 'Delivery pods.'),
    envelopes: section(envelope, 'Pre-approved money.'),
    sources: section(sourceSchema, 'Where bills come from.'),
    intake: Type.Optional(intakeSchema),
    rules: section(rule, 'Which pod a charge belongs to: the first rule that matches wins.'),
  },
  { $defs: { when, test } },
);

/** The file's content as it is written: defaults not yet filled in. */
export type OrganisationFile = Static<typeof organisationSchema>;
export type PodSection = Static<typeof pod>;
export type RuleSection = Static<typeof rule>;
export type EnvelopeSection = Static<typeof envelope>;
