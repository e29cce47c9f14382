/**
 * The first step of every ingestion: finds the files, reads and checks each one into the archive, and registers one load per
 * billing period. Nothing is published here; what cannot be read is refused before any load exists.
 */
import { type RegisteredLoad, registerDelivery } from '../services/billing/register-delivery.ts';
import { readSourceHint } from '../services/sources/bill-hint.ts';
import type { Period } from '../services/kernel/period.ts';
import { inspectFiles } from './inspect-files.ts';
import type { JobContext } from './job-context.ts';

export interface Delivery {
  readonly sourceId: string;
  /** Files and folders. */
  readonly paths: readonly string[];
  /** The billing period, needed where a file has no line to tell it. */
  readonly period?: Period;
  readonly mayDropAccounts: boolean;
  /** The files hold only what is new; what was delivered before stays. */
  readonly appends?: boolean;
}

/** Reads the delivery's files and registers its loads; a load whose files are already current is marked `unchanged`. */
export async function receiveDelivery(context: JobContext, delivery: Delivery): Promise<RegisteredLoad[]> {
  // The order of deliveries is the order of commands, so the instant is taken before any file is read.
  const deliveredAt = context.clock.now();
  const files = await inspectFiles(delivery.paths, context, await readSourceHint(context.db, delivery.sourceId));
  return registerDelivery(context.db, {
    sourceId: delivery.sourceId,
    files,
    deliveredAt,
    ...(delivery.period === undefined ? {} : { period: { start: delivery.period.start, end: delivery.period.end } }),
    mayDropAccounts: delivery.mayDropAccounts,
    ...(delivery.appends === undefined ? {} : { appends: delivery.appends }),
  });
}
