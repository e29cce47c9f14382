/** What every report of the command line has in common: its period and format, the question it asks, and how the answer is printed. */
import type { Command } from 'commander';
import { type FormOptions, type PrintableReport, printReport, withForm } from './printed-form.ts';
import { type Runtime, withRuntime } from './runtime.ts';

export interface ReportOptions extends FormOptions {
  readonly period: string;
  readonly metric?: string;
  readonly currency?: string;
  readonly asNow?: boolean;
}

/** Reads a report on a runtime of its own and prints it in the asked form. */
export async function runReport(
  options: FormOptions,
  read: (runtime: Runtime) => Promise<PrintableReport>,
): Promise<void> {
  await withRuntime({ applicationName: 'outturn report' }, async (runtime) => {
    await printReport(options, await read(runtime));
  });
}

/** What was asked for: period, instant, currency, cost metric, and closed periods as now known. */
export function frameOf(runtime: Runtime, options: ReportOptions) {
  return {
    period: options.period,
    at: runtime.clock.now(),
    ...(options.currency === undefined ? {} : { currency: options.currency }),
    ...(options.metric === undefined ? {} : { costMetric: options.metric }),
    ...(options.asNow === true ? { asNow: true } : {}),
  };
}

/** Declares the period and the format in the same words everywhere. */
export function withPeriod(command: Command): Command {
  return withForm(
    command.requiredOption('--period <period>', '2026-09, 2026-Q3, 2026 or 2026-09-01..2026-09-15 (end exclusive)'),
  );
}

/** Declares --as-now in the same words everywhere. */
export function withAsNow(command: Command): Command {
  return command.option('--as-now', 'closed periods as now known, beside what their statements say');
}
