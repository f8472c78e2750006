/** The task of a robot whose settings name none, and of every sample from before there were tasks. */
export const DEFAULT_TASK = 'main';

/** Names of tasks stand in topics and folders. A folder `heads/3` was a version before tasks. */
export const TASK_NAME = /^[a-z][a-z0-9_-]{0,31}$/;
