/** A limit on waiting for what might never answer: a queue whose server is away retries for ever. */
import { TransientError } from '../services/kernel/errors.ts';

const RETRY_AFTER_MS = 5_000;

/**
 * The work's result, if it comes in time. Work that is late goes on unheard; its failure is then nobody's.
 * @throws TransientError naming `what` when the time is over.
 */
export async function withinTime<Result>(limitMs: number, what: string, work: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new TransientError(`${what} did not answer within ${limitMs} ms`, RETRY_AFTER_MS)),
      limitMs,
    );
  });
  const running = work();
  running.catch(() => {
    // Heard by the race below, or late and of no use any more.
  });
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}
