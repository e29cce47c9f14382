/** The thread of draw-in-thread.ts: draws the one report it is given, and hands the file over. */
import { parentPort, workerData } from 'node:worker_threads';
import type { CloudReturn } from '../shape.ts';
import { cloudReturnPdf } from './cloud-return-pdf.ts';

const file = await cloudReturnPdf(workerData as CloudReturn);
parentPort?.postMessage(file);
