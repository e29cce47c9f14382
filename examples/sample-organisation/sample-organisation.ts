/**
 * The sample organisation as files: what a company of ten pods would have written itself. A pure function of the day, so that the
 * demo always ends in the current quarter and a test always sees the same text.
 */
import type { IsoDate } from '../../services/kernel/period.ts';
import { exchangeRatesCsv } from './exchange-rates.ts';
import { organisationYaml } from './organisation-file.ts';
import { outcomesCsv } from './outcomes-csv.ts';
import { sampleCalendar } from './sample-calendar.ts';
import { planSpend } from './spend-plan.ts';

export interface SampleOrganisation {
  /** `outturn.yaml`. */
  readonly yaml: string;
  /** `outcomes.csv`. */
  readonly outcomesCsv: string;
  /** `fx/ecb.csv`, where the organisation file looks for it. */
  readonly fxCsv: string;
  /** The four quarters with data, oldest first, by the names that reports take; the last one is the current one. */
  readonly quarterIds: readonly string[];
}

/**
 * @param today the UTC date to build it for; give `writeSampleBills` the same.
 * @throws RangeError where `today` is no date.
 */
export function sampleOrganisation(today: IsoDate): SampleOrganisation {
  const calendar = sampleCalendar(today);
  const plan = planSpend(calendar);
  return {
    yaml: organisationYaml(calendar, plan),
    outcomesCsv: outcomesCsv(calendar, plan),
    fxCsv: exchangeRatesCsv(calendar),
    quarterIds: calendar.quarters.map((quarter) => quarter.id),
  };
}
