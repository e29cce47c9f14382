/** The demo's own settings: its folder, its embedded database, no other queue. Host, port and Slack stay the user's. */
export function demoEnvironment(dataDir: string, configPath: string): Readonly<Record<string, string | undefined>> {
  return {
    ...process.env,
    DATABASE_URL: undefined,
    REDIS_URL: undefined,
    OUTTURN_DATA: dataDir,
    OUTTURN_ARCHIVE: undefined,
    OUTTURN_CONFIG: configPath,
  };
}
