/**
 * Checks of envelopes' meaning: known scopes, limits above zero, rungs that rise through 1, and one envelope per scope, period
 * and way of counting, however the period is spelled.
 */
import { compare, decimal, ZERO } from '../kernel/decimal.ts';
import { type FiscalCalendar, parsePeriod } from '../kernel/period.ts';
import { checkPodReference, checkPortfolioReference, entriesOf, type KnownNames } from './known-names.ts';
import type { Places } from './located-value.ts';
import type { EnvelopeSection, OrganisationFile } from './organisation-schema.ts';

/** Reports every fault of meaning in envelopes and in what portfolios delegate of them. */
export function checkEnvelopes(
  file: OrganisationFile,
  known: KnownNames,
  calendar: FiscalCalendar,
  places: Places,
): void {
  checkDelegations(file, places);
  const seen = new Map<string, number>();
  for (const [index, { item, path }] of entriesOf(file.envelopes, '/envelopes').entries()) {
    if (!places.isSound(path)) continue;
    const where = `envelope ${index + 1}`;
    checkScope(item, path, known, where, places);
    if (compare(decimal(item.limit), ZERO) <= 0) {
      places.add(`${path}/limit`, `${where} has the limit ${item.limit}`, 'A limit is above zero.');
    }
    checkRungs(item.rungs ?? [], `${path}/rungs`, where, places);
    const period = parsePeriod(item.period, calendar);
    const key = `${JSON.stringify(item.scope)} ${period.start} ${period.end} ${item.counts ?? 'controlled'}`;
    const first = seen.get(key);
    if (first !== undefined) {
      places.add(
        path,
        `${where} is for the same scope and period, counted the same way, as envelope ${first}`,
        'Keep one of them.',
      );
    }
    seen.set(key, first ?? index + 1);
  }
}

/** Somebody answers for a raise that nobody was asked about. */
function checkDelegations(file: OrganisationFile, places: Places): void {
  for (const { item, path } of entriesOf(file.portfolios, '/portfolios')) {
    if (!places.isSound(path) || item.delegatedRaise === undefined) continue;
    const { limit } = item.delegatedRaise;
    if (compare(decimal(limit), ZERO) <= 0) {
      places.add(
        `${path}/delegatedRaise/limit`,
        `delegatedRaise of portfolio "${item.id}" has the limit ${limit}`,
        'A limit is above zero.',
      );
    }
    if (item.financePartner === undefined) {
      places.add(
        `${path}/delegatedRaise`,
        `portfolio "${item.id}" delegates raises but has no financePartner`,
        'Name the one in whose name they are granted.',
      );
    }
  }
}

function checkScope(envelope: EnvelopeSection, path: string, known: KnownNames, where: string, places: Places): void {
  if ('pod' in envelope.scope) checkPodReference(places, known, envelope.scope.pod, `${path}/scope/pod`, where);
  if ('portfolio' in envelope.scope)
    checkPortfolioReference(places, known, envelope.scope.portfolio, `${path}/scope/portfolio`, where);
}

function checkRungs(rungs: readonly string[], path: string, where: string, places: Places): void {
  if (rungs.length === 0) return;
  const values = rungs.map(decimal);
  for (const [index, value] of values.entries()) {
    const before = values[index - 1];
    if (compare(value, ZERO) <= 0)
      places.add(`${path}/${index}`, `${where} has the rung ${value}`, 'A rung is above zero: 0.8 is 80 %.');
    else if (before !== undefined && compare(value, before) <= 0) {
      places.add(
        `${path}/${index}`,
        `the rungs of ${where} go from ${before} to ${value}`,
        'List them ascending, each once.',
      );
    }
  }
  if (!values.some((value) => compare(value, decimal('1')) === 0)) {
    places.add(path, `the rungs of ${where} lack 1`, 'The rung at 1, where the limit is reached, is mandatory.');
  }
}
