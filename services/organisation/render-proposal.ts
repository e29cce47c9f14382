/**
 * Writes a proposed organisation as YAML that people read: each pod and rule with the money it catches, envelopes commented out
 * until somebody approves them. Foreign text is quoted wherever YAML could take it for anything else.
 */
import { compare, decimal, isZero, multiply, ratio, ZERO } from '../kernel/decimal.ts';
import { billingPeriodName, monthOf } from '../kernel/period.ts';
import { flow, scalar } from './flow-yaml.ts';
import type { Catch, ProposalParts, ProposedRule } from './propose-organisation.ts';

/** A limit a little above what was spent: nobody is alerted on the first day, and the number still means something. */
const LIMIT_FACTOR = decimal('1.1');
const LEFT_OUT_NAMES_MAX = 8;

/** The file's text. */
export function renderProposal(parts: ProposalParts): string {
  const sections = [
    header(parts),
    settings(parts),
    podSection(parts),
    envelopeSection(parts),
    sourceSection(),
    ruleSection(parts),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function header(parts: ProposalParts): string[] {
  const periods = [
    ...new Set(parts.files.flatMap((file) => file.periods.map(({ start, end }) => billingPeriodName(start, end)))),
  ].sort();
  const names = parts.files.map(({ name }) => oneLine(name));
  const shown =
    names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more files` : names.join(', ');
  return [
    `# Proposed from ${shown}${periods.length === 0 ? '' : ` (billing periods ${periods.join(', ')})`}.`,
    `# All of it: ${describeCatches(parts.totals, false)}.`,
    `# Unattributed under these rules: ${parts.unattributed.length === 0 ? 'nothing' : describeCatches(parts.unattributed)}.`,
    '# Read it through, change what is not so, then run: outturn plan, outturn apply',
  ];
}

function settings(parts: ProposalParts): string[] {
  const [main, ...others] = parts.totals.map(({ billingCurrency }) => billingCurrency);
  const lines = [
    `organisation: ${scalar(parts.name)}`,
    'reporting:',
    `  currency: ${main ?? 'USD'}`,
    '  costMetric: EffectiveCost',
  ];
  if (others.length > 0) {
    lines.push(
      `# The bill is also in ${others.join(', ')}: reports need exchange rates.`,
      '# fx: { files: [fx/ecb.csv] }   # columns date,base,quote,rate',
    );
  }
  const spellings = parts.candidate?.spellings ?? [];
  if (parts.candidate?.kind === 'tag' && spellings.length > 0) {
    lines.push('tags:', `  keys: ${flow({ [parts.candidate.key]: spellings })}   # further spellings in the bill`);
  }
  return lines;
}

function podSection(parts: ProposalParts): string[] {
  if (parts.candidate === null || parts.pods.length === 0)
    return ['pods: []   # the bill names neither tags nor accounts'];
  const origin = {
    tag: `the values of tag "${oneLine(parts.candidate.key)}"`,
    'sub-account': 'the sub accounts',
    'billing-account': 'the billing accounts',
  }[parts.candidate.kind];
  const lines = [
    `# Pods are ${origin}. Merge what is one team: keep one entry and list the other names as its aliases.`,
    'pods:',
  ];
  for (const pod of parts.pods) {
    const entry = { id: pod.id, name: pod.name, ...(pod.aliases.length === 0 ? {} : { aliases: pod.aliases }) };
    lines.push(`  - ${flow(entry)}   # ${describeCatches(pod.catches)}`);
  }
  if (parts.leftOut.length > 0) {
    const names = parts.leftOut.slice(0, LEFT_OUT_NAMES_MAX).map(({ name }) => oneLine(name));
    lines.push(
      `  # ${parts.leftOut.length} smaller ones are not proposed: ${names.join(', ')}${parts.leftOut.length > names.length ? ', …' : ''}`,
    );
  }
  return lines;
}

function envelopeSection(parts: ProposalParts): string[] {
  const periods = parts.files.flatMap((file) => file.periods);
  const lastStart = periods
    .map(({ start }) => start)
    .sort()
    .at(-1);
  const months = decimal(String(countWholePeriods(periods)));
  const lines = [
    '# Not approved: a limit is the spend of one billing period and a tenth. Uncomment an entry when its limit is approved, with',
    '# approvedBy, approvedAt and approval.',
    'envelopes:',
  ];
  if (lastStart === undefined) return lines;
  const next = monthOf(monthOf(lastStart).end).id;
  for (const pod of parts.pods) {
    const main = pod.catches[0];
    if (main === undefined || compare(main.effectiveCost, ZERO) <= 0) continue;
    const limit = ratio(multiply(main.effectiveCost, LIMIT_FACTOR), months, 2);
    if (isZero(decimal(limit))) continue;
    lines.push(
      `  # - { scope: { pod: ${scalar(pod.id)} }, period: ${next}, limit: "${limit}", currency: ${main.billingCurrency} }`,
    );
  }
  return lines;
}

/** Billing periods with at least a twentieth of the largest one's lines: a line or two of the next month is no month. */
function countWholePeriods(periods: ProposalParts['files'][number]['periods']): number {
  const rows = new Map<string, number>();
  for (const { start, rowCount } of periods) rows.set(start, (rows.get(start) ?? 0) + rowCount);
  const largest = Math.max(0, ...rows.values());
  return Math.max(1, [...rows.values()].filter((count) => count * 20 >= largest).length);
}

function sourceSection(): string[] {
  return [
    '# Where later bills come from; outturn ingest without files reads it.',
    'sources:',
    '  # - { id: files, kind: focus-files, path: bills/, expectEvery: P1D, settleAfter: P5D }',
  ];
}

function ruleSection(parts: ProposalParts): string[] {
  if (parts.rules.length === 0) return ['rules: []'];
  const lines = [
    '# The first rule that matches wins.',
    'rules:',
    ...parts.rules.map((rule) => `  - ${ruleText(rule)}   # ${describeCatches(rule.catches)}`),
  ];
  if (parts.suggestions.length === 0) return lines;
  lines.push('  # These accounts hold most of what is left. Uncomment those whose pod you know:');
  for (const rule of parts.suggestions) lines.push(`  # - ${ruleText(rule)}   # ${describeCatches(rule.catches)}`);
  return lines;
}

function ruleText(rule: ProposedRule): string {
  return flow({ id: rule.id, when: rule.when, ...rule.result });
}

/** `12.34 USD (82.10 %), 31 lines`, one per currency. */
function describeCatches(catches: readonly Catch[], withShare = true): string {
  if (catches.length === 0) return 'nothing';
  const texts = catches.map(({ billingCurrency, effectiveCost, lines, share }) => {
    const percent = withShare && share !== null ? ` (${decimal(`${share}e2`)} %)` : '';
    return `${effectiveCost} ${oneLine(billingCurrency)}${percent}, ${lines} ${lines === 1 ? 'line' : 'lines'}`;
  });
  return texts.join('; ');
}

/** Foreign text within a comment: line breaks would end the comment. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
