/**
 * kill -9 of everything that takes part in the embedded database, in turn, and then the next command: it gets one server with all
 * that was committed, nothing blocks it, and when it leaves nothing is left, neither processes nor files. The moments are hit by watching the
 * folder for the file that marks them, so that each test kills in the state it names. Half of the time goes by waiting for processes, so
 * the tests run side by side, each in a folder of its own.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test as base, describe, expect } from 'vitest';
import { listServerProcesses } from '../../db/embedded-processes.ts';
import {
  type Command,
  type CommandUser,
  keepMadeClusters,
  killAll,
  listCommandUsers,
  listLeftovers,
  listPostmasters,
  makeDataFolder,
  query,
  startCommand,
} from '../support/embedded.ts';

const WATCH_TIMEOUT_MS = 30_000;

interface Scene {
  readonly dataDir: string;
  readonly home: string;
  readonly cluster: string;
  command(): Command;
}

/** `scene` makes a data folder with a cluster that a command left, `emptyScene` one without. */
const test = base
  .extend('made', { scope: 'file' }, async ({}, { onCleanup }) => {
    const made = keepMadeClusters();
    onCleanup(made.remove);
    return made;
  })
  .extend('emptyScene', async ({}, { onCleanup }) => {
    const cleanups: (() => Promise<void>)[] = [];
    onCleanup(async () => {
      for (const clean of cleanups.reverse()) await clean();
    });
    return async (user: CommandUser): Promise<Scene> => {
      const { dataDir, remove } = await makeDataFolder(user);
      cleanups.push(remove);
      const home = join(dataDir, 'postgres');
      return {
        dataDir,
        home,
        cluster: join(home, 'data'),
        command: () => {
          const command = startCommand(dataDir, user);
          cleanups.push(command.kill);
          return command;
        },
      };
    };
  })
  .extend('scene', async ({ made, emptyScene }) => async (user: CommandUser): Promise<Scene> => {
    const scene = await emptyScene(user);
    await made.copyTo(scene.dataDir, user);
    return scene;
  });

describe.each(listCommandUsers())('as $name', { concurrent: true }, (user) => {
  test('the command killed: the server goes on, the next command joins it and stops it', async ({ scene }) => {
    const { home, cluster, command } = await scene(user);
    const killed = command();
    const { url, port } = await killed.ready;
    await query(url, 'create table kept as select 1 as one');
    const [postmaster] = listPostmasters(cluster);
    await killed.kill();
    expect(listPostmasters(cluster)).toEqual([postmaster]);

    const next = command();
    expect((await next.ready).port).toBe(port);
    expect(listPostmasters(cluster)).toEqual([postmaster]);
    expect(await query(url, 'select one from kept')).toEqual([{ one: 1 }]);
    await next.release();
    expectNothingLeft(home, cluster);
  });

  test('the postmaster killed: the next command recovers on the same port, and the first one can go on', async ({
    scene,
  }) => {
    const { home, cluster, command } = await scene(user);
    const first = command();
    const { url, port } = await first.ready;
    await query(url, 'create table kept as select 1 as one');
    killAll(listPostmasters(cluster));

    const next = command();
    expect((await next.ready).port).toBe(port);
    expect(listPostmasters(cluster)).toHaveLength(1);
    expect(await query(url, 'select one from kept')).toEqual([{ one: 1 }]);
    await next.release();
    expect(await query(url, 'select one from kept')).toEqual([{ one: 1 }]);
    await first.release();
    expectNothingLeft(home, cluster);
  });

  test('the postmaster killed under a busy session: the orphan that holds the shared memory is ended', async ({
    scene,
    expect,
  }) => {
    const { home, cluster, command } = await scene(user);
    const first = command();
    const { url } = await first.ready;
    const busy = query(url, 'select sum(n) from generate_series(1, 1000000000000) n').then(
      () => 'finished',
      () => 'cut',
    );
    await expect
      .poll(() => query(url, `select 1 from pg_stat_activity where query like 'select sum%' and state = 'active'`))
      .toHaveLength(1);
    const [backend] = (await query(url, `select pid from pg_stat_activity where query like 'select sum%'`)) as {
      pid: number;
    }[];
    killAll(listPostmasters(cluster));
    await first.kill();
    expect(listServerProcesses(cluster)).toContain(backend?.pid);

    const next = command();
    await next.ready;
    expect(await busy).toBe('cut');
    expect(listServerProcesses(cluster)).not.toContain(backend?.pid);
    expect(listPostmasters(cluster)).toHaveLength(1);
    await next.release();
    expectNothingLeft(home, cluster);
  });

  test('command and postmaster killed: of two successors at once one starts the server, the other joins', async ({
    scene,
  }) => {
    const { home, cluster, command } = await scene(user);
    const killed = command();
    await query((await killed.ready).url, 'create table kept as select 1 as one');
    const postmasters = listPostmasters(cluster);
    await killed.kill();
    killAll(postmasters);

    const next = [command(), command(), command()];
    const ready = await Promise.all(next.map((each) => each.ready));
    expect(new Set(ready.map((each) => each.port)).size).toBe(1);
    expect(listPostmasters(cluster)).toHaveLength(1);
    expect(await query(ready[0]?.url ?? '', 'select one from kept')).toEqual([{ one: 1 }]);
    await Promise.all(next.map((each) => each.release()));
    expectNothingLeft(home, cluster);
  });

  test.for([
    { moment: 'as it begins', file: '' },
    { moment: 'with half of its files', file: 'global' },
    { moment: 'with nearly all of them', file: join('base', '1', 'PG_VERSION') },
  ])('killed during initdb, $moment: the next command begins anew', async ({ file }, { emptyScene, expect }) => {
    const { home, cluster, command } = await emptyScene(user);
    const killed = command();
    await watch(() => draftsIn(home).some((draft) => existsSync(join(home, draft, file))));
    await killed.kill();
    expect(existsSync(cluster)).toBe(false);

    const next = command();
    expect(await query((await next.ready).url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(listPostmasters(cluster)).toHaveLength(1);
    await next.release();
    expectNothingLeft(home, cluster);
  });

  test('killed while the server starts: the next command takes that server', async ({ scene }) => {
    const { home, cluster, command } = await scene(user);
    const killed = command();
    await watch(() => existsSync(join(cluster, 'postmaster.pid')));
    await killed.kill();

    const next = command();
    expect(await query((await next.ready).url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(listPostmasters(cluster)).toHaveLength(1);
    await next.release();
    expectNothingLeft(home, cluster);
  });

  test('killed while the server stops: the next command waits for the end and starts it again', async ({ scene }) => {
    const { home, cluster, command } = await scene(user);
    const killed = command();
    await query((await killed.ready).url, 'create table kept as select generate_series(1, 200000) as n');
    killed.child.stdin?.write('release\n');
    await watch(async () => !/ready/.test(await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')));
    await killed.kill();

    const next = command();
    expect(await query((await next.ready).url, 'select count(*)::int as rows from kept')).toEqual([{ rows: 200_000 }]);
    expect(listPostmasters(cluster)).toHaveLength(1);
    await next.release();
    expectNothingLeft(home, cluster);
  });
});

describe('at any moment', { concurrent: true }, () => {
  const [user] = listCommandUsers();

  test('killed again and again, command and server in turn, it always comes back with what was committed', async ({
    scene,
  }) => {
    const { home, cluster, command } = await scene(user ?? { name: 'nobody', uid: null });
    const first = command();
    await query((await first.ready).url, 'create table kept as select 1 as one');
    await first.kill();
    for (const killAfterMs of [30, 80, 130, 180, 230, 280, 340, 400, 480, 560, 700, 900]) {
      const killed = command();
      await delay(killAfterMs);
      if (killAfterMs % 20 === 0) killAll(listPostmasters(cluster));
      await killed.kill();
    }
    const next = command();
    expect(await query((await next.ready).url, 'select one from kept')).toEqual([{ one: 1 }]);
    expect(listPostmasters(cluster)).toHaveLength(1);
    await next.release();
    expectNothingLeft(home, cluster);
  }, 90_000);

  test('a postmaster.pid that names a living foreign process, and a lock of a reused pid, block nothing', async ({
    scene,
  }) => {
    const { home, cluster, command } = await scene(user ?? { name: 'nobody', uid: null });
    const first = command();
    await first.ready;
    await first.release();
    writeFileSync(join(cluster, 'postmaster.pid'), `${process.pid}\n${cluster}\n1\n5432\n\n127.0.0.1\n0 0\nready   \n`);
    const [lock] = readdirSync(home).filter((name) => name.startsWith('lock.'));
    writeFileSync(join(home, lock ?? ''), `${process.pid}-1`);
    writeFileSync(join(home, 'users', `${process.pid}-1.left-behind`), '');

    const next = command();
    await next.ready;
    expect(listPostmasters(cluster)).toHaveLength(1);
    await next.release();
    expectNothingLeft(home, cluster);
  });

  test('a lost password file is named, and an unreadable cluster tells what PostgreSQL said', async ({ scene }) => {
    const { home, cluster, command } = await scene(user ?? { name: 'nobody', uid: null });
    const first = command();
    await first.ready;
    await first.release();
    await rm(join(cluster, 'global', 'pg_control'));
    await expect(command().ready).rejects.toThrow(/could not be started.*pg_control.*DATABASE_URL/s);
    await rm(join(home, 'password'));
    await expect(command().ready).rejects.toThrow(/password of the embedded database is missing: .*Put the file back/);
    expect(listServerProcesses(cluster)).toEqual([]);
  });
});

function draftsIn(home: string): string[] {
  return existsSync(home) ? readdirSync(home).filter((name) => name.startsWith('initdb.')) : [];
}

/** Waits for a moment that passes quickly: no pause longer than a millisecond between two looks. */
async function watch(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WATCH_TIMEOUT_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the moment to kill at never came');
    await delay(1);
  }
}

function expectNothingLeft(home: string, cluster: string): void {
  expect(dirname(cluster)).toBe(home);
  expect(listServerProcesses(cluster)).toEqual([]);
  expect(existsSync(join(cluster, 'postmaster.pid'))).toBe(false);
  expect(listLeftovers(home)).toEqual([]);
}
