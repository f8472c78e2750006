/** Below the state folder: who can read it may ask the daemon for its status. */
export const LOCAL_KEY_FILE = 'local-key';
