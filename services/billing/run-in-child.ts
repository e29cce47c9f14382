/**
 * Runs one billing task in a child process and waits for it. The child dies with this process (its IPC channel closes) and on the
 * caller's abort; errors arrive as what they were thrown as. A child that did its task, or refused a bill, in little memory waits a few
 * seconds for the next one: a year of small bills would otherwise spend most of its time starting processes.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { AppError, TransientError } from '../kernel/errors.ts';
import type { Progress } from '../kernel/ports.ts';
import type { BillingTaskName, BillingTasks, ChildMessage, SentError } from './child-protocol.ts';

const ENTRY = join(import.meta.dirname, 'child-main.ts');
/** V8's heap in the child: tags and faults only; the bill itself is DuckDB's. */
const HEAP_MB = 256;
const RETRY_AFTER_MS = 5_000;
const IDLE_MS = 5_000;
/** A child that grew beyond this is ended, so that its memory is given back. */
const IDLE_RESIDENT_BYTES_MAX = 300 * 1024 * 1024;

/** The one child that waits for work. */
let waiting: { readonly child: ChildProcess; readonly timer: NodeJS.Timeout } | undefined;

export interface ChildRun {
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

/**
 * Runs the task.
 * @throws what the task threw (AppError, TransientError), the signal's reason where it was aborted, TransientError where the child was
 * killed from outside (for instance for want of memory).
 */
export async function runInChild<Name extends BillingTaskName>(
  task: Name,
  options: BillingTasks[Name]['options'],
  { progress, signal }: ChildRun,
): Promise<BillingTasks[Name]['result']> {
  signal?.throwIfAborted();
  const child = takeChild();
  const abort = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', abort, { once: true });
  let isReusable = false;
  try {
    const answer = waitForAnswer(child, progress);
    child.send({ task, options });
    const message = await answer;
    const isExpected = message.kind === 'done' || message.error.code !== undefined;
    isReusable = isExpected && message.residentBytes <= IDLE_RESIDENT_BYTES_MAX;
    if (message.kind === 'failed') throw revive(message.error);
    return message.result as BillingTasks[Name]['result'];
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    child.removeAllListeners();
    if (isReusable && waiting === undefined) keepWaiting(child);
    else child.kill('SIGKILL');
  }
}

function takeChild(): ChildProcess {
  const taken = waiting;
  if (taken !== undefined) {
    clearTimeout(taken.timer);
    waiting = undefined;
    taken.child.removeAllListeners();
    if (taken.child.connected) {
      taken.child.ref();
      taken.child.channel?.ref();
      return taken.child;
    }
  }
  return fork(ENTRY, [], {
    execArgv: [`--max-old-space-size=${HEAP_MB}`, '--disable-warning=ExperimentalWarning'],
    serialization: 'json',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Neither the child nor its timer keeps this process from ending. */
function keepWaiting(child: ChildProcess): void {
  const forget = () => {
    if (waiting?.child === child) waiting = undefined;
  };
  child.once('exit', forget);
  child.once('error', forget);
  const timer = setTimeout(() => {
    forget();
    child.kill('SIGKILL');
  }, IDLE_MS);
  timer.unref();
  child.unref();
  child.channel?.unref();
  waiting = { child, timer };
}

async function waitForAnswer(
  child: ChildProcess,
  progress: Progress,
): Promise<Exclude<ChildMessage, { kind: 'progress' }>> {
  return new Promise((resolve, reject) => {
    child.on('message', (message: ChildMessage) => {
      if (message.kind === 'progress') progress.report(message.step);
      else resolve(message);
    });
    child.on('error', reject);
    child.on('exit', (code, killedBy) => {
      const how = killedBy === null ? `ended with exit code ${code}` : `was killed (${killedBy})`;
      reject(
        new TransientError(
          `The process that reads the bill ${how}. If it happens again, look for a lack of memory.`,
          RETRY_AFTER_MS,
        ),
      );
    });
  });
}

function revive(sent: SentError): Error {
  if (sent.code !== undefined) {
    return new AppError(sent.code, sent.message, { details: sent.details ?? {}, faults: sent.faults ?? [] });
  }
  if (sent.retryAfterMs !== undefined) return new TransientError(sent.message, sent.retryAfterMs);
  const error = new Error(sent.message);
  if (sent.stack !== undefined) error.stack = sent.stack;
  return error;
}
