/** A parser of the program, and inputs to make others from. */
export interface FuzzTarget {
  name: string;
  /** Inputs that the parser accepts. */
  seeds(): Promise<readonly Uint8Array[]> | readonly Uint8Array[];
  /** What the language is made of; random bytes seldom make a word. */
  words?: readonly string[];
  /** Makes a changed input pass a checksum, so that what comes after it is reached as well. */
  seal?(bytes: Uint8Array): Uint8Array;
  /** Parses an input. Only a HeadlandError may be thrown, and what {@link refuses} names. */
  run(bytes: Uint8Array): unknown;
  /** An error that the parser documents beside HeadlandError. */
  refuses?(error: unknown): boolean;
  /** Share of the cases that are run: decoders of images are slow. Default 1. */
  share?: number;
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const bytes = (string: string): Uint8Array => new TextEncoder().encode(string);
