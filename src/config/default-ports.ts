/** Of the embedded broker, on loopback. */
export const DEFAULT_BROKER_PORT = 1_883;
