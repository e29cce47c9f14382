/** One step of intake in a process of its own, so that a test can have it killed. Arguments: database URL, the step as JSON. */
import { openDatabase } from '../../db/database.ts';
import { type IntakeStep, takeIntakeStep } from '../support/intake-step.ts';

const [databaseUrl = '', step = ''] = process.argv.slice(2);
const { db, close } = openDatabase(databaseUrl, { poolMax: 1 });
await takeIntakeStep(db, JSON.parse(step) as IntakeStep);
await close();
