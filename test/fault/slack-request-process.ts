/** One step of answering Slack in a process of its own, so that a test can have it killed. Arguments: database URL, the step as JSON. */
import { openDatabase } from '../../db/database.ts';
import { type SlackStep, takeSlackStep } from '../support/slack-step.ts';

const [databaseUrl = '', step = ''] = process.argv.slice(2);
const { db, close } = openDatabase(databaseUrl, { poolMax: 1 });
await takeSlackStep(db, JSON.parse(step) as SlackStep);
await close();
