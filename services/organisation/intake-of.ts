/** The file's intake in one form: each scope as kind and name. */
import { SCOPE_KINDS, type ScopeKind } from '../kernel/inbound-event.ts';
import type { CandidateEntry, IntakeEntry, MappingEntry } from './organisation.ts';
import type { IntakeSection } from './intake-schema.ts';

type Scoped = Readonly<Partial<Record<ScopeKind, string>>>;

/** What an intake without faults says. */
export function intakeOf(intake: IntakeSection): IntakeEntry {
  return {
    mappings: (intake.mappings ?? []).map((entry): MappingEntry => {
      const { pod, ignored, from, until } = entry;
      const scope = scopeIn(entry);
      if (scope === null) throw new Error('a checked mapping has a scope');
      return { ...scope, ...definedOf({ pod, ignored, from, until }) };
    }),
    candidates: (intake.candidates ?? []).map((entry): CandidateEntry => {
      const { label, issueType } = entry;
      return { ...scopeIn(entry), ...definedOf({ label, issueType }) };
    }),
    senders: (intake.senders ?? []).map(({ sender, sources }) => ({
      sender: sender.trim(),
      sources: sources.map((source) => source.trim()),
    })),
    sweep: intake.github?.sweep ?? [],
  };
}

/** The scope that an entry names; null for none. */
export function scopeIn(entry: Scoped): { scopeKind: ScopeKind; scopeName: string } | null {
  for (const scopeKind of SCOPE_KINDS) {
    const scopeName = entry[scopeKind];
    if (scopeName !== undefined) return { scopeKind, scopeName: scopeName.trim() };
  }
  return null;
}

type Defined<Given> = { [Key in keyof Given]?: Exclude<Given[Key], undefined> };

function definedOf<Given extends object>(given: Given): Defined<Given> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<Given>;
}
