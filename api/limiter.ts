/** Few at once, and not too many waiting: for work that costs a process of its own. */
import { TransientError } from '../services/kernel/errors.ts';

export type Limiter = <Result>(work: () => Promise<Result>) => Promise<Result>;

const RETRY_AFTER_MS = 10_000;

/** @throws TransientError (from the limiter it gives) where `waitingMax` others wait already. */
export function createLimiter(runningMax: number, waitingMax: number): Limiter {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= runningMax) {
      if (waiting.length >= waitingMax) throw new TransientError('Too many are asking this at once', RETRY_AFTER_MS);
      // Whoever ends passes its place on, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
