/** What the run's one-time setup hands to the test files. */

export interface TestServer {
  /** A superuser's URL; its database is only the place from which others are made. */
  readonly url: string;
  /** The migrated database that test databases are copies of. */
  readonly template: string;
  /** Where test files note what they left out, and why. */
  readonly leftOutFolder: string;
  /** Whether the databases of failed files outlive the run. */
  readonly keepsFailed: boolean;
}

declare module 'vitest' {
  interface ProvidedContext {
    testServer: TestServer;
  }
}

/** The same server, another database. */
export function withDatabase(url: string, database: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.href;
}
