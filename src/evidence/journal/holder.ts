import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import * as v from 'valibot'
import { parseStrictJson } from '../../contracts/strictJson.ts'
import { CountersignError } from '../../support/errors.ts'

/** The process that writes a series, as its lock file says. */
export interface Holder {
  readonly pid: number
  readonly host: string
  /** Tells a process from a later one with the same number: boot and start time, where the system says them (Linux). */
  readonly started?: string | undefined
  /** Milliseconds since 1970. */
  readonly since: number
}

const schema = v.strictObject({
  v: v.literal(1),
  typ: v.literal('countersign-journal-lock'),
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  host: v.pipe(v.string(), v.maxLength(255)),
  started: v.exactOptional(v.pipe(v.string(), v.maxLength(200))),
  since: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
})

export const MAX_LOCK_BYTES = 1024

/** This process. @param since milliseconds since 1970 */
export function thisHolder(since: number): Holder {
  return { pid: process.pid, host: hostname(), started: startOf(process.pid), since }
}

export function encodeHolder({ pid, host, started, since }: Holder): Uint8Array {
  const document = { v: 1, typ: 'countersign-journal-lock', pid, host, started, since }
  return Buffer.from(`${JSON.stringify(document)}\n`)
}

/** @throws CountersignError `decode` */
export function parseHolder(bytes: Uint8Array): Holder {
  const parsed = v.safeParse(schema, parseStrictJson(bytes, { maxDepth: 1, safeIntegers: true }))
  if (bytes.length > MAX_LOCK_BYTES || !parsed.success) {
    throw new CountersignError('decode', 'The lock of a journal cannot be read.')
  }
  const { pid, host, started, since } = parsed.output
  return { pid, host, started, since }
}

/**
 * Whether that process may still run. In doubt it does: whoever asks then begins a series of its own, which costs nothing. Of
 * another machine nothing is known.
 */
export function mayRun({ pid, host, started }: Holder): boolean {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (thrown) {
    // EPERM: it runs, as another user.
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH') return false
  }
  const now = startOf(pid)
  return started === undefined || now === undefined || started === now
}

/** After a restart numbers of processes come again, in containers always the same ones. undefined where the system does not say. */
function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    // The name of the program comes before, in parentheses, and may hold spaces and parentheses itself.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    // Field 22 of proc_pid_stat(5); the two before the parenthesis are gone.
    return fields[19] === undefined ? undefined : `${boot} ${fields[19]}`
  } catch {
    return undefined
  }
}

/** For people. */
export function holderText({ pid, host, since }: Holder): string {
  const where = host === hostname() ? '' : ` on ${host}`
  return `process ${pid}${where}, since ${new Date(since).toISOString()}`
}
