import { mkdtemp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Journal, type JournalOptions } from '../../../src/evidence/journal/journal.ts'
import { inOrder } from '../../../src/evidence/journal/names.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import type { Clock } from '../../../src/support/clock.ts'
import type { Log } from '../../../src/support/log.ts'
import { root } from './conversation.ts'

/** Small enough that each batch or so begins a segment. */
export const SMALL = { segments: { bytes: 12_000 } } as const

export async function newFolder(): Promise<string> {
  return await mkdtemp(join(root, 'j-'))
}

/** Paths of the files of lines, in reading order. */
export async function filesOf(folder: string): Promise<string[]> {
  return inOrder(await readdir(folder)).map((name) => join(folder, name))
}

export async function writeAll(
  folder: string,
  entries: readonly EvidenceEntry[],
  options: Partial<JournalOptions> = {},
): Promise<Journal> {
  const journal = await Journal.open({ folder, ...options })
  for (const entry of entries) await journal.append(entry)
  return journal
}

/** A clock that the test moves. */
export class SetClock implements Clock {
  time: number

  constructor(time: number) {
    this.time = time
  }

  now(): number {
    return this.time
  }

  monotonic(): number {
    return this.time
  }
}

export function heard(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  return { lines, log: (_level, message, fields) => void lines.push(`${message} ${JSON.stringify(fields)}`) }
}
