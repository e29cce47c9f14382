/**
 * What the domain asks of the outside: a clock, a log, a reminder queue. Implementations live at the edges (cli, jobs);
 * tests pass their own clock instead of waiting.
 */

/** The current instant. Injected everywhere, so that no test sleeps and no figure depends on the machine's clock by accident. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

/** The part of pino's logger the domain uses: structured fields first, then a sentence. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLogger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Progress of long work. `total` is absent where it cannot be known beforehand. */
export interface Progress {
  report(step: { label: string; done: number; total?: number; unit: string }): void;
}

export const silentProgress: Progress = { report: () => {} };

/** Who does something: written into every audit event. The cli acts as the local operator, the worker as the system. */
export interface Principal {
  readonly id: string;
  readonly role: 'finance' | 'cio' | 'pod' | 'operator' | 'reader' | 'ingest' | 'system';
  /** The pods a `pod` principal may see and act for; empty for every other role. */
  readonly pods: readonly string[];
}

export const localOperator: Principal = { id: 'local operator', role: 'operator', pods: [] };
export const systemPrincipal: Principal = { id: 'outturn', role: 'system', pods: [] };
