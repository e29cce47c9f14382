/** Every route there is, listed in code. */
import type { ApiApp, ApiContext } from '../context.ts';
import type { ApiMetrics } from '../metrics.ts';
import { addActivationRoutes } from './activations.ts';
import { addAuditRoutes } from './audit.ts';
import { addChargeRoutes } from './charges.ts';
import { addCoverageRoutes } from './coverage.ts';
import { addEnvelopeRoutes } from './envelopes.ts';
import { addEvidenceRoutes } from './evidence.ts';
import { addInboxRoutes } from './inbox.ts';
import { addInvoiceRoutes } from './invoices.ts';
import { addJournalRoutes } from './journals.ts';
import { addLoadRoutes } from './loads.ts';
import { addMetricRoutes } from './metrics.ts';
import { addOperationRoutes } from './operation.ts';
import { addOutcomeRoutes } from './outcomes.ts';
import { addPlanRoutes } from './plans.ts';
import { addPodRoutes } from './pods.ts';
import { addRaiseRoutes } from './raises.ts';
import { addReportRoutes } from './reports.ts';
import { addSlackRoutes } from './webhooks-slack.ts';
import { addSourceRoutes } from './sources.ts';
import { addStatementRoutes } from './statements.ts';

export function addRoutes(app: ApiApp, context: ApiContext, metrics: ApiMetrics): void {
  addOperationRoutes(app, context, metrics);
  addReportRoutes(app, context);
  addCoverageRoutes(app, context);
  addChargeRoutes(app, context);
  addOutcomeRoutes(app, context);
  addEvidenceRoutes(app, context);
  addMetricRoutes(app, context);
  addEnvelopeRoutes(app, context);
  addRaiseRoutes(app, context);
  addActivationRoutes(app, context);
  addInboxRoutes(app, context);
  addStatementRoutes(app, context);
  addInvoiceRoutes(app, context);
  addJournalRoutes(app, context);
  addLoadRoutes(app, context);
  addSourceRoutes(app, context);
  addPodRoutes(app, context);
  addPlanRoutes(app, context);
  addAuditRoutes(app, context);
  addSlackRoutes(app, context);
}
