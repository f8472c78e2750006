/**
 * A stable, documented error code: every one is listed with its remedy in docs/reference/errors.md.
 */
export type ErrorCode = `HL_${Uppercase<string>}`;

export interface ErrorOptions {
  /** What the reader can do about it: one imperative sentence. */
  remedy: string;
  /** Values that help to find the cause; must be JSON-serialisable and free of secrets. */
  details?: Record<string, unknown>;
  cause?: unknown;
}

/** Remedy of errors that no input should be able to cause. */
export const DEFECT_REMEDY = 'This is a defect in headland: report it with the log around it.';

/** The only error class that headland throws on purpose. */
export class HeadlandError extends Error {
  override readonly name = 'HeadlandError';
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly details: Record<string, unknown>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
    this.details = options.details ?? {};
  }

  /** The shape in which errors cross a process, a thread or the network. */
  toJSON(): SerialisedError {
    return {
      code: this.code,
      message: this.message,
      remedy: this.remedy,
      details: this.details,
    };
  }
}

export interface SerialisedError {
  code: ErrorCode;
  message: string;
  remedy: string;
  details: Record<string, unknown>;
}

export function isHeadlandError(error: unknown, code?: ErrorCode): error is HeadlandError {
  return error instanceof HeadlandError && (code === undefined || error.code === code);
}

/** Rebuilds an error that came from another process or thread as {@link SerialisedError}. */
export function deserialiseError(error: SerialisedError): HeadlandError {
  return new HeadlandError(error.code, error.message, {
    remedy: error.remedy,
    details: error.details,
  });
}

/** Converts anything thrown to the wire shape; all but HeadlandErrors become HL_INTERNAL. */
export function serialiseError(error: unknown): SerialisedError {
  if (error instanceof HeadlandError) return error.toJSON();
  return {
    code: 'HL_INTERNAL',
    message: messageOf(error),
    remedy: DEFECT_REMEDY,
    details: error instanceof Error && error.stack ? { stack: error.stack } : {},
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of an error as text, such as "ENOENT" of a system call; null: it has none. */
export function codeOf(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' ? code : null;
}
