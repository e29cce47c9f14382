/** Checks a source without fetching from it: each permission and setting by itself, as its connector sees it. */
import { connectorOf } from '../connectors/connect.ts';
import type { SourceCheck } from '../connectors/connector.ts';
import { AppError, TransientError } from '../services/kernel/errors.ts';
import { connectionContext, readOtherSources, readSource } from './connected-source.ts';
import type { JobContext } from './job-context.ts';

/** Stops at nothing: a source that cannot even be connected to is one wrong check. @throws AppError not_found */
export async function checkSource(context: JobContext, sourceId: string): Promise<SourceCheck[]> {
  const source = await readSource(context, sourceId);
  const checks: SourceCheck[] = [];
  try {
    const others = await readOtherSources(context, source);
    const connect = await connectorOf(source);
    const connection = await connect(source, connectionContext(context, source));
    try {
      for await (const check of connection.check(others)) checks.push(check);
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (!(error instanceof AppError || error instanceof TransientError)) throw error;
    checks.push({ subject: 'connection', state: 'wrong', message: error.message });
  }
  return checks;
}
