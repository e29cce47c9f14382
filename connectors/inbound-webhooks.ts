/** Every tool whose webhooks are understood. */
import type { WebhookProvider } from '../services/kernel/intake-settings.ts';
import { githubWebhook } from './github/github-webhook.ts';
import type { InboundWebhook } from './inbound-webhook.ts';
import { jiraWebhook } from './jira/jira-webhook.ts';
import { linearWebhook } from './linear/linear-webhook.ts';
import { pagerdutyWebhook } from './pagerduty/pagerduty-webhook.ts';

export const INBOUND_WEBHOOKS: Readonly<Record<WebhookProvider, InboundWebhook>> = {
  github: githubWebhook,
  jira: jiraWebhook,
  linear: linearWebhook,
  pagerduty: pagerdutyWebhook,
};
