/** Waits for the first Ctrl-C or SIGTERM: what a long-running command does while its servers work. */
import { interruption } from './runtime.ts';

export async function untilInterrupted(): Promise<void> {
  if (interruption.signal.aborted) return;
  // A pending promise alone does not keep the process alive; its servers do, and a bare worker between jobs might not.
  const keepAlive = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => interruption.signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(keepAlive);
}
