/** A device that may use the console. */
export interface ConsoleSession {
  id: string;
  /** Browser and system of the device, for people: "Chrome on Android". */
  device: string;
  /** Unix milliseconds, as all times here. */
  createdAtMs: number;
  lastSeenAtMs: number;
  /** Unless the device is seen again before. */
  expiresAtMs: number;
}

/** A session with its secret, which exists only here and on the device. */
export interface NewSession extends ConsoleSession {
  secret: string;
  /** From now until it expires. */
  maxAgeSeconds: number;
}

/** Links that open the page on another device: each with the same secret, which pairs one device. */
export interface PairingOffer {
  /** By the addresses of the robot, the best one first. */
  links: string[];
  expiresAtMs: number;
}

/** The interface between the agent and the console: who may use the page. */
export interface ConsoleAccess {
  /** Name of the cookie: browsers do not keep cookies of several ports of one host apart. */
  readonly cookieName: string;
  /**
   * The session that a secret belongs to, as used now; null: there is none, it has expired or was revoked.
   * `renewed`: the use has been recorded, so that the device should keep its cookie for longer.
   */
  session(secret: string): (ConsoleSession & { renewed: boolean; maxAgeSeconds: number }) | null;
  /** Throws HL_PAIR_LOOPBACK, HL_PAIR_NO_ADDRESS, HL_STORE_…. */
  offerLinks(): Promise<PairingOffer>;
  /**
   * Exchanges the secret of a pairing, once, for a session.
   * Throws HL_CONSOLE_PAIRING_REFUSED, HL_CONSOLE_PAIRING_USED, HL_CONSOLE_PAIRING_EXPIRED, HL_STORE_….
   */
  pair(pairing: string, device: string): Promise<NewSession>;
  /** A session of a device that has proved to know the token. Throws HL_STORE_…. */
  logIn(device: string): Promise<NewSession>;
  /** Those that have not expired, the most recently used one first. */
  sessions(): ConsoleSession[];
  /** Throws HL_CONSOLE_SESSION_UNKNOWN, HL_STORE_…. */
  revoke(id: string): Promise<void>;
}
