/**
 * Checks what an organisation file means once its shape is known: names are unique and known, dates run forward, envelopes do
 * not contradict each other. Entries whose shape is at fault are passed over, but their names still count as known.
 */
import type { FiscalCalendar } from '../kernel/period.ts';
import { checkEnvelopes } from './check-envelopes.ts';
import { checkIntake } from './check-intake.ts';
import { checkPods } from './check-pods.ts';
import { checkRules } from './check-rules.ts';
import { createKnownNames, entriesOf, type Located } from './known-names.ts';
import { childPath, type Places } from './located-value.ts';
import type { OrganisationFile } from './organisation-schema.ts';

/** Reports every fault of meaning into `places`. */
export function checkOrganisation(file: OrganisationFile, places: Places): void {
  checkUniqueIds('portfolio', entriesOf(file.portfolios, '/portfolios'), places);
  checkUniqueIds('pattern', entriesOf(file.patterns, '/patterns'), places);
  checkUniqueIds('pod', entriesOf(file.pods, '/pods'), places);
  checkUniqueIds('source', entriesOf(file.sources, '/sources'), places);
  checkUniqueIds('rule', entriesOf(file.rules, '/rules'), places);
  const known = createKnownNames(file);
  checkTagKeys(file.tags?.keys ?? {}, file.tags?.fold ?? true, places);
  checkPods(file, known, places);
  checkRules(file, known, places);
  checkIntake(file.intake, known, places);
  checkEnvelopes(file, known, calendarOf(file), places);
}

/** The fiscal calendar of a file, with its defaults. */
export function calendarOf(file: OrganisationFile): FiscalCalendar {
  return {
    fiscalYearStartMonth: file.reporting?.fiscalYearStartMonth ?? 1,
    fiscalYearNamedBy: file.reporting?.fiscalYearNamedBy ?? 'start',
  };
}

function checkUniqueIds(noun: string, entries: Iterable<Located<{ readonly id: string }>>, places: Places): void {
  const seen = new Set<string>();
  for (const { item, path } of entries) {
    if (item.id === undefined) continue;
    if (seen.has(item.id))
      places.add(childPath(path, 'id'), `a second ${noun} has the id "${item.id}"`, 'Give each its own id.');
    seen.add(item.id);
  }
}

/** A spelling that two keys claim would make one line match both. */
function checkTagKeys(keys: Readonly<Record<string, readonly string[]>>, fold: boolean, places: Places): void {
  const claimed = new Map<string, string>();
  const form = (spelling: string): string => (fold ? spelling.trim().toLowerCase() : spelling);
  for (const key of Object.keys(keys)) claimed.set(form(key), key);
  for (const [key, spellings] of Object.entries(keys)) {
    for (const [index, spelling] of spellings.entries()) {
      if (spelling === undefined) continue;
      const holder = claimed.get(form(spelling));
      if (holder !== undefined && holder !== key) {
        const path = childPath(childPath('/tags/keys', key), index);
        places.add(
          path,
          `"${spelling}" is a spelling of both tag key "${holder}" and tag key "${key}"`,
          'A spelling belongs to one key.',
        );
      }
      claimed.set(form(spelling), key);
    }
  }
}
