/**
 * What the billing child process is asked and what it answers, as plain JSON over IPC. DuckDB lives in that process so that its memory
 * is given back and a crash of native code ends one task and not the worker.
 */
import type { ExportOptions, ExportResult } from '../export/export-in-child.ts';
import type { ErrorCode, InputFault } from '../kernel/errors.ts';
import type { ArchivedLine, ReadLinesOptions } from './read-lines.ts';
import type { InspectOptions } from './inspect-in-child.ts';
import type { InspectedFile } from './inspected-file.ts';
import type { StageOptions } from './stage-in-child.ts';

export interface BillingTasks {
  readonly inspect: { readonly options: InspectOptions; readonly result: InspectedFile };
  readonly stage: { readonly options: StageOptions; readonly result: { readonly staged: boolean } };
  readonly 'export-focus': { readonly options: ExportOptions; readonly result: ExportResult };
  readonly 'read-lines': { readonly options: ReadLinesOptions; readonly result: readonly ArchivedLine[] };
}
export type BillingTaskName = keyof BillingTasks;

export interface ProgressStep {
  readonly label: string;
  readonly done: number;
  readonly total?: number;
  readonly unit: string;
}

export interface SentError {
  /** Absent: not an expected refusal. */
  readonly code?: ErrorCode;
  readonly retryAfterMs?: number;
  readonly message: string;
  readonly stack?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly faults?: readonly InputFault[];
}

export interface ChildRequest {
  readonly task: BillingTaskName;
  readonly options: unknown;
}

export type ChildMessage =
  | { readonly kind: 'progress'; readonly step: ProgressStep }
  | { readonly kind: 'done'; readonly result: unknown; readonly residentBytes: number }
  | { readonly kind: 'failed'; readonly error: SentError; readonly residentBytes: number };
