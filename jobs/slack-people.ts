/** Who somebody in Slack is to the organisation, and the app's home as they see it. */
import { showHome } from '../connectors/slack/answer-people.ts';
import type { SlackActor } from '../connectors/slack/slack-event.ts';
import { slackWorkspace } from '../connectors/slack/workspace.ts';
import { readPodStandings } from '../services/alerts/scope-standing.ts';
import { homeView } from '../services/alerts/standing-blocks.ts';
import { AppError } from '../services/kernel/errors.ts';
import { type PersonStanding, readPersonStanding } from '../services/people/person-standing.ts';
import { emailOfSlackUser } from '../services/people/slack-identity.ts';
import type { JobContext } from './job-context.ts';

const WHO_TIMEOUT_MS = 2_000;

type Asking = Pick<JobContext, 'db' | 'clock' | 'settings'>;

/** What the organisation knows of who pressed. @throws AppError slack_refused, TransientError */
export async function standingOf(
  { teamId, userId }: SlackActor,
  { db, clock, settings }: Asking,
): Promise<PersonStanding | null> {
  // Somebody waits for an answer that Slack takes for three seconds.
  const workspace = slackWorkspace({ ...settings.slack, timeoutMs: WHO_TIMEOUT_MS });
  if (workspace === null) throw new AppError('slack_refused', 'SLACK_BOT_TOKEN is not set.');
  const at = clock.now();
  const email = await emailOfSlackUser(db, workspace, { teamId, userId, at });
  return email === null ? null : readPersonStanding(db, { email, at });
}

/** Pods that somebody owns, or is the finance partner of. */
export function podsOf(standing: PersonStanding): string[] {
  return [...new Set([...standing.ownedPods, ...standing.partneredPods])];
}

/** Shows somebody their pods on the app's home. @throws AppError slack_refused, TransientError */
export async function openHome(actor: SlackActor, context: Asking): Promise<void> {
  const { db, clock, settings } = context;
  const standing = await standingOf(actor, context);
  const standings =
    standing === null ? null : await readPodStandings(db, { podIds: podsOf(standing), at: clock.now() });
  await showHome(settings.slack, { userId: actor.userId, view: homeView(standings) });
}
