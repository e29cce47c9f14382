/**
 * An organisation cut into things with names, so that two of them can be compared one by one: every setting, portfolio, pattern,
 * pod, envelope, source, rule and mapping.
 */
import type { EnvelopeEntry, MappingEntry, Organisation } from './organisation.ts';

export const NOUNS = ['setting', 'portfolio', 'pattern', 'pod', 'envelope', 'source', 'rule', 'mapping'] as const;
export type Noun = (typeof NOUNS)[number];

/** Things by name, per noun. */
export type Sections = Readonly<Record<Noun, ReadonlyMap<string, unknown>>>;

/** The named things of an organisation; of none, nothing. */
export function sectionsOf(organisation: Organisation | null): Sections {
  const byId = (list: readonly { readonly id: string }[] = []): ReadonlyMap<string, unknown> =>
    new Map(list.map((entry) => [entry.id, entry]));
  return {
    setting: organisation === null ? new Map() : settingsOf(organisation),
    portfolio: byId(organisation?.portfolios),
    pattern: byId(organisation?.patterns),
    pod: byId(organisation?.pods),
    envelope: new Map((organisation?.envelopes ?? []).map((entry) => [envelopeName(entry), entry])),
    source: byId(organisation?.sources),
    rule: byId(organisation?.rules),
    mapping: new Map((organisation?.intake?.mappings ?? []).map((entry) => [mappingName(entry), entry])),
  };
}

/** What an envelope is called by: `pod checkout 2026-Q4`, with `loaded` where it counts that. */
export function envelopeName(envelope: Pick<EnvelopeEntry, 'scope' | 'period' | 'counts'>): string {
  const scope = envelope.scope.id === null ? envelope.scope.kind : `${envelope.scope.kind} ${envelope.scope.id}`;
  return `${scope} ${envelope.period}${envelope.counts === 'loaded' ? ' loaded' : ''}`;
}

/** What a mapping is called by: `repository acme/shop`, with the day from which it holds where it says one. */
function mappingName({ scopeKind, scopeName, from }: MappingEntry): string {
  return `${scopeKind} ${scopeName.toLowerCase()}${from === undefined ? '' : ` from ${from}`}`;
}

function settingsOf(organisation: Organisation): ReadonlyMap<string, unknown> {
  const { reporting, fx, channels, journal = {}, evidence = {} } = organisation;
  const groups = { reporting, fx, channels, journal, evidence };
  const settings = new Map<string, unknown>([['organisation', organisation.name]]);
  for (const [group, values] of Object.entries(groups)) {
    for (const [key, value] of Object.entries(values)) settings.set(`${group}.${key}`, value);
  }
  settings.set('tags.fold', organisation.tags.fold);
  for (const [key, spellings] of Object.entries(organisation.tags.keys)) settings.set(`tags.keys.${key}`, spellings);
  const { candidates = [], senders = [], sweep = [] } = organisation.intake ?? {};
  if (candidates.length > 0) settings.set('intake.candidates', candidates);
  for (const { sender, sources } of senders) settings.set(`intake.senders.${sender.toLowerCase()}`, sources);
  if (sweep.length > 0) settings.set('intake.github.sweep', sweep);
  return settings;
}
