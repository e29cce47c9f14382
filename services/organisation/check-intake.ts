/** Checks of the intake's meaning: one scope and one result each, known pods, and dates of one name that do not lie over each other. */
import { GITHUB_APP_HOOK, SCOPE_KINDS } from '../kernel/inbound-event.ts';
import { scopeIn } from './intake-of.ts';
import type { CandidateSection, IntakeSection, MappingSection, SenderSection } from './intake-schema.ts';
import { checkDatesRunForward, checkPodReference, entriesOf, type KnownNames, type Located } from './known-names.ts';
import type { Places } from './located-value.ts';
import { listWords } from './suggestion.ts';

const TICKET_SCOPES = ['repository', 'project', 'team'] as const;

/** Reports every fault of meaning in the intake. */
export function checkIntake(intake: IntakeSection | undefined, known: KnownNames, places: Places): void {
  const mappings = entriesOf(intake?.mappings, '/intake/mappings');
  for (const { item, path } of mappings) checkMapping(item, path, known, places);
  checkDatesOfNames(
    mappings.filter(({ path }) => places.isSound(path)),
    places,
  );
  for (const { item, path } of entriesOf(intake?.candidates, '/intake/candidates')) checkCandidate(item, path, places);
  checkSenders(entriesOf(intake?.senders, '/intake/senders'), places);
  for (const { item, path } of entriesOf(intake?.github?.sweep, '/intake/github/sweep')) {
    if (item !== GITHUB_APP_HOOK && !/^[\w.-]+(?:\/[\w.-]+)?$/.test(item)) {
      const fix = `Write it as owner, owner/name, or ${GITHUB_APP_HOOK} for the hook of the App itself.`;
      places.add(path, `"${item}" is no organisation or repository of GitHub`, fix);
    }
  }
}

function checkSenders(senders: readonly Located<SenderSection>[], places: Places): void {
  const known = new Set<string>();
  for (const { item, path } of senders.filter((one) => places.isSound(one.path))) {
    const name = item.sender.trim().toLowerCase();
    if (known.has(name)) {
      places.add(path, `the sender "${item.sender}" stands twice`, 'Give it one list of sources.');
    }
    known.add(name);
    for (const [index, source] of item.sources.entries()) {
      if (/^[^\s*]{1,199}\*?$/.test(source.trim())) continue;
      const fix = 'Write the source as its events have it, with * at its end for all that begin so.';
      places.add(`${path}/sources/${index}`, `"${source}" is no source of events`, fix);
    }
  }
}

function checkMapping(mapping: MappingSection, path: string, known: KnownNames, places: Places): void {
  const scope = scopeIn(mapping);
  const where = scope === null ? 'a mapping' : `the mapping of ${scope.scopeKind} "${scope.scopeName}"`;
  checkOne(mapping, SCOPE_KINDS, path, where, places);
  checkOne(mapping, ['pod', 'ignored'], path, where, places);
  if (!places.isSound(path)) return;
  if (mapping.pod !== undefined) checkPodReference(places, known, mapping.pod, `${path}/pod`, where);
  checkDatesRunForward(places, { from: mapping.from, until: mapping.until }, `${path}/until`, where);
  checkRepository(mapping.repository, path, where, places);
}

function checkCandidate(candidate: CandidateSection, path: string, places: Places): void {
  checkOne(candidate, ['label', 'issueType'], path, 'a candidate', places);
  const given = TICKET_SCOPES.filter((key) => candidate[key] !== undefined);
  if (given.length > 1) {
    places.add(path, `a candidate names ${given.join(' and ')}`, 'Name one of them, or none for all tickets.');
  }
  checkRepository(candidate.repository, path, 'a candidate', places);
}

function checkOne(
  entry: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  path: string,
  where: string,
  places: Places,
): void {
  const given = keys.filter((key) => entry[key] !== undefined || !places.isSound(`${path}/${key}`));
  if (given.length === 1) return;
  const reason = given.length === 0 ? `${where} has none of ${listWords(keys)}` : `${where} has ${given.join(' and ')}`;
  places.add(path, reason, `Give exactly one of ${keys.join(', ')}.`);
}

function checkRepository(repository: string | undefined, path: string, where: string, places: Places): void {
  if (repository === undefined || /^[\w.-]+\/[\w.-]+$/.test(repository.trim())) return;
  places.add(
    `${path}/repository`,
    `${where} names "${repository}", which is no repository`,
    'Write it as owner/name, as in its address.',
  );
}

/** An event is of one day, and may not be of two pods. */
function checkDatesOfNames(mappings: readonly Located<MappingSection>[], places: Places): void {
  const byName = Map.groupBy(mappings, ({ item }) => {
    const scope = scopeIn(item);
    return `${scope?.scopeKind} "${scope?.scopeName.toLowerCase()}"`;
  });
  for (const [name, entries] of byName) {
    const ordered = entries.toSorted((left, right) => ((left.item.from ?? '') < (right.item.from ?? '') ? -1 : 1));
    for (const [index, { item, path }] of ordered.entries()) {
      const before = ordered[index - 1]?.item;
      if (before === undefined) continue;
      if ((before.from ?? '') === (item.from ?? '')) {
        const since = item.from === undefined ? '' : ` from ${item.from}`;
        places.add(path, `${name} is mapped twice${since}`, 'Give the later one the day from which it holds ("from").');
      } else if (before.until !== undefined && item.from !== undefined && before.until > item.from) {
        places.add(
          `${path}/from`,
          `${name} is mapped from ${item.from}, before its former mapping ends on ${before.until}`,
          'Leave "until" out: the later one ends the former.',
        );
      }
    }
  }
}
