/** What a connector is given by a run, for tests that look at the connector alone: a clock that stands still, and what it spends. */
import type { ConnectedSource, ConnectionContext, Spending } from '../../connectors/connector.ts';
import { silentLogger } from '../../services/kernel/ports.ts';

export function connectionContext(now: string, spent: Spending[] = []): ConnectionContext {
  return {
    now: new Date(now),
    signal: new AbortController().signal,
    logger: silentLogger,
    spend: async (spending) => void spent.push(spending),
  };
}

export function connectedSource(kind: string, settings: Readonly<Record<string, unknown>>): ConnectedSource {
  return { id: 'source', kind, settings, baseFolder: '/' };
}
