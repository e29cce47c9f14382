/**
 * The entry of the billing child process: takes one task at a time over IPC, does it and answers. It has no life of its own: when the
 * parent is gone or has no more work, so is it.
 */
import type { ExportOptions } from '../export/export-in-child.ts';
import { AppError, TransientError } from '../kernel/errors.ts';
import type { Progress } from '../kernel/ports.ts';
import type { ChildMessage, ChildRequest, SentError } from './child-protocol.ts';
import { inspectInChild, type InspectOptions } from './inspect-in-child.ts';
import { readLinesInChild, type ReadLinesOptions } from './read-lines.ts';
import { stageInChild, type StageOptions } from './stage-in-child.ts';

const progress: Progress = { report: (step) => send({ kind: 'progress', step }) };

process.on('disconnect', () => process.exit(1));
process.on('message', (request: ChildRequest) => {
  perform(request).then(
    (result) => send({ kind: 'done', result, residentBytes: process.memoryUsage.rss() }),
    (error: unknown) => send({ kind: 'failed', error: describe(error), residentBytes: process.memoryUsage.rss() }),
  );
});

async function perform({ task, options }: ChildRequest): Promise<unknown> {
  switch (task) {
    case 'inspect':
      return inspectInChild(options as InspectOptions, progress);
    case 'stage':
      return stageInChild(options as StageOptions, progress);
    case 'export-focus':
      // Reaches the tables of attribution and their query builder: half of what this process would load otherwise.
      return (await import('../export/export-in-child.ts')).exportInChild(options as ExportOptions, progress);
    case 'read-lines':
      return readLinesInChild(options as ReadLinesOptions);
  }
}

function send(message: ChildMessage): void {
  process.send?.(message);
}

function describe(error: unknown): SentError {
  if (error instanceof AppError) {
    return { code: error.code, message: error.message, details: error.details, faults: error.faults };
  }
  if (error instanceof TransientError) return { message: error.message, retryAfterMs: error.retryAfterMs };
  if (!(error instanceof Error)) return { message: String(error) };
  return error.stack === undefined ? { message: error.message } : { message: error.message, stack: error.stack };
}
