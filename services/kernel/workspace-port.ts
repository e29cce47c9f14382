/** What is asked of a chat workspace about its people. Implemented in connectors/slack. */

export interface WorkspaceMember {
  readonly teamId: string;
  readonly userId: string;
  /** In lower case. */
  readonly email: string;
}

/** Each may throw TransientError (ask again later) or AppError slack_refused (somebody has to change something first). */
export interface WorkspacePort {
  /** Null where nobody of the workspace has this address. */
  memberByEmail(email: string): Promise<WorkspaceMember | null>;
  /** Null for whoever is not this workspace's own, or has no address that Slack vouches for. */
  memberById(user: { teamId: string; userId: string }): Promise<WorkspaceMember | null>;
  /** The conversation of the app with one person alone; the same each time. */
  directChannelOf(userId: string): Promise<string>;
}
