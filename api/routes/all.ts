/** Every route there is, listed in code. */
import type { ApiApp, ApiContext } from '../context.ts';
import type { ApiMetrics } from '../metrics.ts';
import { addAuditRoutes } from './audit.ts';
import { addEnvelopeRoutes } from './envelopes.ts';
import { addOperationRoutes } from './operation.ts';
import { addOutcomeRoutes } from './outcomes.ts';
import { addPodRoutes } from './pods.ts';

export function addRoutes(app: ApiApp, context: ApiContext, metrics: ApiMetrics): void {
  addOperationRoutes(app, context, metrics);
  addOutcomeRoutes(app, context);
  addEnvelopeRoutes(app, context);
  addPodRoutes(app, context);
  addAuditRoutes(app, context);
}
