/** Turns what a look received into loads: a delivery at once where it stands alone, billing periods that lie in several together at the end. */
import type { InspectedFile } from '../services/billing/inspected-file.ts';
import { type RegisteredLoad, registerDelivery } from '../services/billing/register-delivery.ts';
import type { IsoDate } from '../services/kernel/period.ts';
import type { FetchedFile } from '../services/sources/fetched-files.ts';
import type { RunReason } from '../services/sources/source-runs.ts';
import { gatherSpreadPeriods, type ReceivedDelivery, standsAlone } from '../services/sources/spread-periods.ts';
import { leaveShrunkPeriods } from '../services/sources/vanished-files.ts';
import type { Source } from './connected-source.ts';
import type { JobContext } from './job-context.ts';
import type { Received } from './fetch-delivery.ts';

export interface RegistrationOptions {
  readonly source: Source;
  readonly reason: RunReason;
  readonly mayDropAccounts: boolean;
  readonly known: ReadonlyMap<string, FetchedFile>;
  readonly filesMayVanish: boolean;
  readonly onLoad: (loadId: string) => Promise<void>;
  /** Goes on behind what is wrong with one billing period. */
  readonly attempt: (step: () => Promise<void>) => Promise<void>;
}

export interface Registration {
  /** What came of it so far, in the order of registration. */
  readonly loads: readonly RegisteredLoad[];
  /** Billing periods that are left as they are published, in words. */
  readonly told: readonly string[];
  add(received: Received): Promise<void>;
  /** To be called once, when everything is received. */
  finish(): Promise<void>;
}

export function openRegistration(context: JobContext, options: RegistrationOptions): Registration {
  const { db } = context;
  const { source, mayDropAccounts, known, filesMayVanish } = options;
  const loads: RegisteredLoad[] = [];
  const told: string[] = [];
  const received: (Received & ReceivedDelivery)[] = [];
  const entangled: (Received & ReceivedDelivery)[] = [];

  const register = async (
    deliveries: readonly Received[],
    found: readonly InspectedFile[],
    period: { start: IsoDate; end: IsoDate } | null,
  ) => {
    const files = filesMayVanish ? await withoutShrunkPeriods(found, period) : found;
    if (files.length === 0) return;
    const registered = await registerDelivery(db, {
      sourceId: source.id,
      place: source.place,
      files,
      ...orderOf(deliveries),
      repeatsFailed: options.reason !== 'schedule',
      ...(period === null ? {} : { period }),
      mayDropAccounts,
    });
    for (const { loadId, unchanged } of registered) if (!unchanged) await options.onLoad(loadId);
    loads.push(...registered);
  };

  const withoutShrunkPeriods = async (
    files: readonly InspectedFile[],
    period: { start: IsoDate; end: IsoDate } | null,
  ) => {
    const left = await leaveShrunkPeriods(db, {
      sourceId: source.id,
      place: source.place,
      files,
      period,
      mayDrop: mayDropAccounts,
    });
    told.push(...left.told);
    return left.files;
  };

  return {
    loads,
    told,
    async add(delivery) {
      const { billingPeriod: period } = delivery.manifest;
      if (period === null) return register([delivery], delivery.files, null);
      const named = { ...delivery, period };
      received.push(named);
      if (standsAlone(named, known.values())) return register([delivery], delivery.files, period);
      entangled.push(named);
    },
    async finish() {
      const gathered = await gatherSpreadPeriods(db, {
        sourceId: source.id,
        place: source.place,
        received,
        entangled,
        known: known.values(),
        mayDrop: mayDropAccounts,
      });
      told.push(...gathered.told);
      for (const { deliveries, files, period } of gathered.periods) {
        await options.attempt(() => register(deliveries, files, period));
      }
    },
  };
}

/** The order in which deliveries replace each other: the provider's time of the latest, else that of the run. */
function orderOf(deliveries: readonly Received[]): { deliveredAt: Date; isNewest?: true } {
  const times = deliveries.map(({ manifest, runAt }) => ({
    at: manifest.deliveredAt ?? runAt,
    isRun: manifest.deliveredAt === null,
  }));
  const latest = times.reduce((left, right) => (left.at < right.at ? right : left));
  return latest.isRun ? { deliveredAt: latest.at, isNewest: true } : { deliveredAt: latest.at };
}
