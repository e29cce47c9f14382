/**
 * Several commands, one embedded server. Each command is a process of its own (test/support/embedded-command.ts), run as root
 * and as an ordinary user where the tests may do so.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test as base, describe, expect } from 'vitest';
import {
  type Command,
  type CommandUser,
  keepMadeClusters,
  listCommandUsers,
  listLeftovers,
  listPostmasters,
  makeDataFolder,
  query,
  startCommand,
} from '../support/embedded.ts';

const users = listCommandUsers();
const isRoot = process.getuid?.() === 0;

const test = base
  .extend('made', { scope: 'file' }, async ({}, { onCleanup }) => {
    const made = keepMadeClusters();
    onCleanup(made.remove);
    return made;
  })
  .extend('run', async ({ made }, { onCleanup }) => {
    const cleanups: (() => Promise<void>)[] = [];
    onCleanup(async () => {
      for (const clean of cleanups.reverse()) await clean();
    });
    const folder = async (user: CommandUser): Promise<string> => {
      const { dataDir, remove } = await makeDataFolder(user);
      cleanups.push(remove);
      return dataDir;
    };
    return {
      folder,
      /** With a cluster that a command made and left. */
      madeFolder: async (user: CommandUser): Promise<string> => {
        const dataDir = await folder(user);
        await made.copyTo(dataDir, user);
        return dataDir;
      },
      command: (dataDir: string, user: CommandUser): Command => {
        const command = startCommand(dataDir, user);
        cleanups.push(command.kill);
        return command;
      },
      cleanups,
    };
  });

describe.each(users)('as $name', { concurrent: true }, (user) => {
  test('two commands at once share one server, and the last one out stops it', async ({ run }) => {
    const dataDir = await run.folder(user);
    const [first, second] = [run.command(dataDir, user), run.command(dataDir, user)];
    const [one, two] = await Promise.all([first.ready, second.ready]);
    expect(two).toEqual(one);
    expect(listPostmasters(one.folder)).toHaveLength(1);

    await first.release();
    expect(await query(one.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await second.release();
    expect(listPostmasters(one.folder)).toEqual([]);
    expect(listLeftovers(dirname(one.folder))).toEqual([]);
  });

  test('a second start finds the data of the first', async ({ run }) => {
    const dataDir = await run.madeFolder(user);
    const first = run.command(dataDir, user);
    await query((await first.ready).url, `create table kept as select 'Zürich' as city`);
    await first.release();
    const second = run.command(dataDir, user);
    expect(await query((await second.ready).url, 'select city from kept')).toEqual([{ city: 'Zürich' }]);
    await second.release();
  });

  test('the server is on loopback only, behind a password, out of reach of Ctrl-C, and set as the product needs it', async ({
    run,
  }) => {
    const command = run.command(await run.madeFolder(user), user);
    const { url, port, folder } = await command.ready;
    const outside = Object.values(networkInterfaces()).flat();
    for (const address of outside.filter((each) => each?.internal === false && each.family === 'IPv4')) {
      await expect(query(url.replace('127.0.0.1', address?.address ?? ''), 'select 1')).rejects.toThrow(/ECONNREFUSED/);
    }
    expect(await query(url, 'show unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
    await expect(query(`postgres://outturn@127.0.0.1:${port}/outturn`, 'select 1')).rejects.toThrow(/password/);
    expect(statSync(join(dirname(folder), 'password')).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(folder)).mode & 0o777).toBe(0o700);

    const before = listPostmasters(folder);
    process.kill(-(command.child.pid ?? 0), 'SIGINT');
    expect(
      await query(
        url,
        `select datlocprovider as provider, datlocale as locale, current_setting('server_encoding') as encoding,
           current_setting('timezone') as zone, current_setting('max_locks_per_transaction')::int as locks,
           current_setting('max_connections')::int as connections, current_setting('server_version_num')::int / 10000 as major
         from pg_database where datname = current_database()`,
      ),
    ).toEqual([
      { provider: 'b', locale: 'C.UTF-8', encoding: 'UTF8', zone: 'UTC', locks: 256, connections: 200, major: 18 },
    ]);
    expect(listPostmasters(folder)).toEqual(before);
    await command.release();
  });
});

describe.runIf(isRoot)('as root, in particular', { concurrent: true }, () => {
  const root: CommandUser = { name: 'root', uid: null };

  test('the server itself does not run as root', async ({ run }) => {
    const command = run.command(await run.madeFolder(root), root);
    const { folder } = await command.ready;
    expect(listPostmasters(folder).map((pid) => statSync(`/proc/${pid}`).uid)).not.toContain(0);
    expect(statSync(folder).uid).not.toBe(0);
    await command.release();
  });

  test('in a home that nobody else may enter, data and binaries live under /var/lib/outturn, and it says so', async ({
    run,
  }) => {
    const home = await mkdtemp(join(tmpdir(), 'outturn-home-'));
    await chmod(home, 0o700);
    run.cleanups.push(() => rm(home, { recursive: true, force: true }));
    const dataDir = join(home, '.outturn');
    const [first, second] = [run.command(dataDir, root), run.command(dataDir, root)];
    const { url, folder } = await first.ready;
    const shared = dirname(dirname(folder));
    run.cleanups.push(() => rm(shared, { recursive: true, force: true }));
    expect((await second.ready).folder).toBe(folder);
    expect(shared).toMatch(/^\/var\/lib\/outturn\/[0-9a-f]{16}$/);
    expect(readFileSync(join(dataDir, 'postgres-is-in'), 'utf8')).toBe(`${shared}\n`);
    expect([...first.logs, ...second.logs].filter((line) => line.includes(shared))).not.toEqual([]);
    expect(existsSync(join(dataDir, 'postgres'))).toBe(false);
    await query(url, 'create table kept as select 1 as one');
    await first.release();
    await second.release();

    // Also where the home is opened later: the data stays where it is.
    await chmod(home, 0o755);
    const third = run.command(dataDir, root);
    expect(await query((await third.ready).url, 'select one from kept')).toEqual([{ one: 1 }]);
    await third.release();
    expect(listPostmasters(folder)).toEqual([]);
  });
});

describe.runIf(users.length > 1)('root and an ordinary user on one folder', { concurrent: true }, () => {
  const [root, ordinary] = users as [CommandUser, CommandUser];

  test("root continues an ordinary user's database as that user", async ({ run }) => {
    const dataDir = await run.madeFolder(ordinary);
    const theirs = run.command(dataDir, ordinary);
    const { folder } = await theirs.ready;
    const ours = run.command(dataDir, root);
    await ours.ready;
    await theirs.release();
    expect(listPostmasters(folder)).toHaveLength(1);
    await ours.release();
    const again = run.command(dataDir, ordinary);
    await again.ready;
    expect(listPostmasters(folder).map((pid) => statSync(`/proc/${pid}`).uid)).toEqual([ordinary.uid]);
    await again.release();
    expect(listLeftovers(dirname(folder))).toEqual([]);
  });

  test("an ordinary user is refused root's database, with what to do", async ({ run }) => {
    const dataDir = await run.madeFolder(root);
    const ours = run.command(dataDir, root);
    await ours.ready;
    await ours.release();
    const theirs = run.command(dataDir, ordinary);
    await expect(theirs.ready).rejects.toThrow(
      /belongs to the operating system user \d+, not to the current one\. Run/,
    );
  });
});
