/**
 * Progress of long work on stderr: a bar on a terminal, a line every few seconds elsewhere, nothing with --json's quiet cousin.
 */
import { Presets, SingleBar } from 'cli-progress';
import type { Progress } from '../services/kernel/ports.ts';

const LINE_EVERY_MS = 3_000;

export interface TerminalProgress extends Progress {
  /** Clears the bar; call it before anything else is printed. */
  stop(): void;
}

/** Progress fitted to where stderr goes. */
export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): TerminalProgress {
  return stream.isTTY ? bar(stream) : lines(stream);
}

function bar(stream: NodeJS.WriteStream): TerminalProgress {
  let current: { label: string; bar: SingleBar } | undefined;
  const stop = () => {
    current?.bar.stop();
    current = undefined;
  };
  return {
    stop,
    report: ({ label, done, total, unit }) => {
      if (current?.label !== label) {
        stop();
        const format =
          total === undefined ? `${label}  {value} ${unit}` : `${label}  {bar} {percentage} %  {value}/{total} ${unit}`;
        current = {
          label,
          bar: new SingleBar({ format, stream, clearOnComplete: true, hideCursor: true }, Presets.shades_classic),
        };
        current.bar.start(total ?? 0, done);
      }
      if (total !== undefined) current.bar.setTotal(total);
      current.bar.update(done);
    },
  };
}

function lines(stream: NodeJS.WriteStream): TerminalProgress {
  let printedAt = 0;
  return {
    stop: () => {},
    report: (step) => {
      const now = Date.now();
      if (now - printedAt < LINE_EVERY_MS) return;
      printedAt = now;
      const share = step.total === undefined || step.total === 0 ? '' : ` of ${step.total}`;
      stream.write(`${step.label}: ${step.done}${share} ${step.unit}\n`);
    },
  };
}
