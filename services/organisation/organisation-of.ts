/**
 * Turns a checked organisation file into an Organisation: every default filled in, each thing in one form only (dated values as
 * lists, tag tests under `tag`, decimals normalised), so that two spellings of the same organisation are equal.
 */
import type { CostMetric, Dated, Rule, RuleSplit, RuleWhen } from '../attribution/rulebook.ts';
import { decimal } from '../kernel/decimal.ts';
import { parsePeriod } from '../kernel/period.ts';
import { calendarOf } from './check-organisation.ts';
import { intakeOf } from './intake-of.ts';
import type { EnvelopeEntry, EnvelopeScope, Organisation, PodEntry, SourceEntry } from './organisation.ts';
import type { EnvelopeSection, OrganisationFile, PodSection, RuleSection } from './organisation-schema.ts';

export const DEFAULT_RUNGS: readonly string[] = ['0.8', '1', '1.5', '2'];

/** The organisation a file without faults describes. */
export function organisationOf(file: OrganisationFile): Organisation {
  const costMetric = file.reporting?.costMetric ?? 'EffectiveCost';
  const calendar = calendarOf(file);
  return {
    name: file.organisation,
    reporting: {
      ...calendar,
      currency: file.reporting?.currency ?? 'USD',
      costMetric,
      timeZone: file.reporting?.timeZone ?? 'UTC',
      holidays: [...(file.reporting?.holidays ?? [])].sort(),
      revenueBasis: file.reporting?.revenueBasis ?? 'margin',
    },
    fx: { files: file.fx?.files ?? [], policy: file.fx?.policy ?? 'daily', carryDays: file.fx?.carryDays ?? 7 },
    channels: { ...file.channels },
    ...(file.journal === undefined ? {} : { journal: file.journal }),
    ...(file.evidence === undefined ? {} : { evidence: file.evidence }),
    tags: { fold: file.tags?.fold ?? true, keys: file.tags?.keys ?? {} },
    portfolios: file.portfolios ?? [],
    patterns: (file.patterns ?? []).map(({ envelope, approvedBy, ...pattern }) => ({
      ...pattern,
      approvedBy: approvedBy ?? [],
      ...(envelope === undefined ? {} : { envelope: { ...envelope, limit: decimal(envelope.limit) } }),
    })),
    pods: (file.pods ?? []).map(podEntry),
    envelopes: (file.envelopes ?? []).map((entry) => envelopeEntry(entry, costMetric, file)),
    sources: (file.sources ?? []).map(sourceEntry),
    ...(file.intake === undefined ? {} : { intake: intakeOf(file.intake) }),
    rules: (file.rules ?? []).map(ruleEntry),
  };
}

function podEntry(pod: PodSection): PodEntry {
  const { portfolio, owner, costCentre, activeUntil, ...rest } = pod;
  return {
    ...rest,
    name: pod.name ?? pod.id,
    kind: pod.kind ?? 'delivery',
    portfolio: datedList(portfolio),
    owner: datedList(owner),
    costCentre: datedList(costCentre),
    ...(activeUntil == null ? {} : { activeUntil }),
    succeededBy: pod.succeededBy ?? [],
    activations: pod.activations ?? [],
    aliases: pod.aliases ?? [],
  };
}

function datedList(given: PodSection['owner']): readonly Dated<string>[] {
  if (given === undefined) return [];
  return typeof given === 'string' ? [{ value: given }] : given;
}

function envelopeEntry(entry: EnvelopeSection, costMetric: CostMetric, file: OrganisationFile): EnvelopeEntry {
  return {
    ...entry,
    scope: scopeOf(entry.scope),
    period: parsePeriod(entry.period, calendarOf(file)).id,
    limit: decimal(entry.limit),
    costMetric: entry.costMetric ?? costMetric,
    counts: entry.counts ?? 'controlled',
    rungs: (entry.rungs ?? DEFAULT_RUNGS).map(decimal),
  };
}

function scopeOf(scope: EnvelopeSection['scope']): EnvelopeScope {
  if ('pod' in scope) return { kind: 'pod', id: scope.pod };
  if ('portfolio' in scope) return { kind: 'portfolio', id: scope.portfolio };
  return { kind: 'organisation' in scope ? 'organisation' : 'unattributed', id: null };
}

function sourceEntry(source: NonNullable<OrganisationFile['sources']>[number]): SourceEntry {
  const { id, kind, expectEvery, settleAfter, ...settings } = source;
  return {
    id,
    kind,
    ...(expectEvery === undefined ? {} : { expectEvery }),
    ...(settleAfter === undefined ? {} : { settleAfter }),
    settings,
  };
}

function ruleEntry(rule: RuleSection): Rule {
  const head = {
    id: rule.id,
    ...(rule.from === undefined ? {} : { from: rule.from }),
    ...(rule.until === undefined ? {} : { until: rule.until }),
    when: whenOf(rule.when),
  };
  if (rule.pod !== undefined) return { ...head, pod: rule.pod };
  if (rule.podFromTag !== undefined) return { ...head, podFromTag: rule.podFromTag };
  if (rule.split !== undefined) return { ...head, split: splitOf(rule.split) };
  return { ...head, unattributed: rule.unattributed ?? '' };
}

/** Fixed weights name their pods, so "among" adds nothing to them; the other methods mean everybody where it is absent. */
function splitOf(split: NonNullable<RuleSection['split']>): RuleSplit {
  const { among, ...rest } = split;
  if (rest.method !== 'fixed') return { ...rest, among: among ?? 'all' };
  return {
    ...rest,
    weights: Object.fromEntries(Object.entries(rest.weights).map(([pod, weight]) => [pod, decimal(weight)])),
  };
}

function whenOf(when: RuleWhen): RuleWhen {
  const { tag, any, all, not, ...tests } = when;
  const plain = Object.entries(tests).filter(([key]) => !key.startsWith('tag.'));
  const dotted = Object.entries(tests).filter(([key]) => key.startsWith('tag.'));
  const tags = { ...tag, ...Object.fromEntries(dotted.map(([key, test]) => [key.slice('tag.'.length), test])) };
  return {
    ...(Object.fromEntries(plain) as RuleWhen),
    ...(Object.keys(tags).length === 0 ? {} : { tag: tags }),
    ...(any === undefined ? {} : { any: any.map(whenOf) }),
    ...(all === undefined ? {} : { all: all.map(whenOf) }),
    ...(not === undefined ? {} : { not: whenOf(not) }),
  };
}
