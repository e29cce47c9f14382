/**
 * Draws the PDF beside the thread that answers requests, which half a second of drawing would hold up for everybody. The same file as
 * `cloudReturnPdf` gives, with an end to its time and memory.
 */
import { Worker } from 'node:worker_threads';
import { TransientError } from '../../kernel/errors.ts';
import type { CloudReturn } from '../shape.ts';

const HEAP_MB = 512;
/** A quarter of 200 pods takes a second. */
const TIME_MS_MAX = 30_000;
const RETRY_MS = 10_000;
const THREAD = new URL('draw-thread.ts', import.meta.url);

/** The file. @throws TransientError where drawing takes too long: the machine is busy. */
export async function drawInThread(found: CloudReturn): Promise<Buffer> {
  const thread = new Worker(THREAD, { workerData: found, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const late = () => reject(new TransientError('The PDF was not drawn in time', RETRY_MS));
  const timer = setTimeout(late, TIME_MS_MAX);
  thread.on('message', resolve).on('error', reject);
  thread.on('exit', () => reject(new Error('the thread that draws a PDF ended without a word')));
  try {
    return Buffer.from(await promise);
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
