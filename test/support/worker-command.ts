/** A worker as a process of its own, for tests that kill it: the product's worker on the database and queue of the environment. */
import { startTestWorker } from './worker.ts';

const log = (fields: object, message: string): void =>
  void process.stderr.write(`${JSON.stringify({ message, ...fields })}\n`);
await startTestWorker(process.env, { debug: () => {}, info: log, warn: log, error: log });
