/** Ctrl-C and SIGTERM: what a command watches while it works, and what a long-running one waits for. */

/** Aborted by the first signal, so that a command ends at a safe place and gives its resources back. */
export const interruption = new AbortController();

/** Waits for the first signal while the servers of a long-running command do their work. */
export async function untilInterrupted(): Promise<void> {
  if (interruption.signal.aborted) return;
  // A pending promise alone does not keep the process alive; its servers do, and a bare worker between jobs might not.
  const keepAlive = setInterval(() => {}, 60_000);
  await new Promise<void>((resolve) => interruption.signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(keepAlive);
}
