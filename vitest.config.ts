/**
 * Two projects: `unit` needs nothing, `database` gets a PostgreSQL server and a migrated template (test/support/global-setup.ts).
 * Tests run on Node's own type stripping, so that what production cannot run fails here too; and in New York's time zone, which
 * shifts every date that passes through a local one.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/support/slowest-first.ts';
import { chooseTemporaryFolder } from './test/support/temporary-folder.ts';

const UNIT_TESTS = ['test/unit/**/*.test.ts', 'test/architecture.test.ts'];

// Every worker and every command that a test starts is a process of its own: what one has compiled, the next need not.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/outturn-compile');
process.env['TMPDIR'] ??= chooseTemporaryFolder();

export default defineConfig({
  test: {
    clearMocks: true,
    env: { TZ: 'America/New_York' },
    // Node itself loads the modules; nothing is mocked, so nothing need be read twice for it.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // A process for each worker and not for each file: what files have in common is loaded once, which spares each a second and more.
    isolate: false,
    setupFiles: ['test/support/each-file.ts'],
    sequence: { sequencer: SlowestFirst },
    // A database test waits for PostgreSQL, for processes and for the disk about a third of its time.
    maxWorkers: availableParallelism() + 1,
    maxConcurrency: 3,
    pool: 'forks',
    // A bound on what hangs, not a measure: a shared machine is at times several times slower than a quiet one.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    projects: [
      { extends: true, test: { name: 'unit', include: UNIT_TESTS } },
      {
        extends: true,
        test: {
          name: 'database',
          include: ['test/**/*.test.ts'],
          exclude: UNIT_TESTS,
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
  },
});
