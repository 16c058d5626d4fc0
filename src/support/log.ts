/**
 * Logging with redaction by construction: a line is a fixed message and named fields, and a field is a number,
 * a boolean, or a string that its writer wraps in one of the types below. A raw Buffer, PIN, token or context has no
 * way into a line: there is no field type for it.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type LogField = string | number | boolean | undefined

export interface Log {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, LogField>>): void
}

const LONG = 300
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
/** Runs long enough to be a key, a token or a digest in hex or base64url: shown by their first characters only. */
const SECRETLIKE = /[A-Za-z0-9_-]{44,}/g

/** A string made safe for a log line: no control or direction characters, nothing long enough to be a secret. */
export function redact(text: string): string {
  const clean = text.replace(CONTROL, '\ufffd').replace(SECRETLIKE, (run) => `${run.slice(0, 6)}…`)
  return clean.length > LONG ? `${clean.slice(0, LONG)}…` : clean
}

/** One line of text for a log sink. */
export function formatLine(message: string, fields: Readonly<Record<string, LogField>> = {}): string {
  const parts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? redact(value) : String(value)}`)
  return [redact(message), ...parts].join(' ')
}

/** Writes lines to a stream, standard error in the command line. */
export class StreamLog implements Log {
  private readonly write: (line: string) => void

  constructor(write: (line: string) => void) {
    this.write = write
  }

  log(level: LogLevel, message: string, fields?: Readonly<Record<string, LogField>>): void {
    if (level === 'debug') return
    this.write(`countersign ${level}: ${formatLine(message, fields)}\n`)
  }
}

export const silentLog: Log = { log: () => {} }
