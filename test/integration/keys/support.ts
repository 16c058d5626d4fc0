import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import type { SignInput } from '../../../src/contracts/signInput.ts'
import { encodeUtf8 } from '../../../src/crypto/encoding.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import { verifySignature } from '../../../src/crypto/signature.ts'
import { encodeStatement } from '../../../src/evidence/statement.ts'
import { signingInput } from '../../../src/evidence/signingInput.ts'
import type { Signer } from '../../../src/keys/signer.ts'
import type { Log } from '../../../src/support/log.ts'
import { formatLine } from '../../../src/support/log.ts'
import { fields } from '../../unit/evidence/build.ts'

export const handshake = (): SignInput => ({
  kind: 'handshake',
  role: 'client',
  suite: 'MLKEM1024_X25519_MLDSA87_AES256GCM_SHA384',
  hash: randomBytes(48),
})

export const batch = (size: number): SignInput => ({
  kind: 'batch',
  statements: Array.from({ length: size }, (_, seq) => encodeStatement(fields({ seq }))),
})

/** Signs, and verifies against bytes that were built here. */
export async function expectSigns(signer: Signer, input: SignInput): Promise<void> {
  const signature = await signer.sign(input)
  const { bytes } = signingInput(input, signer)
  expect(await verifySignature(signer.algorithm, signer.publicKey, bytes, signature)).toBe(true)
}

export function folder(): { readonly path: string; file(name: string): string; remove(): void } {
  const made = mkdtempSync(path.join(tmpdir(), 'countersign-keys-'))
  return {
    path: made,
    file: (name) => path.join(made, name),
    remove: () => rmSync(made, { recursive: true, force: true }),
  }
}

/** A log whose lines a test can search for what must not be in them. */
export class MemoryLog implements Log {
  readonly lines: string[] = []

  log(level: string, message: string, fields?: Parameters<Log['log']>[2]): void {
    this.lines.push(`${level}: ${formatLine(message, fields)}`)
  }
}

/** A script that speaks the protocol of the key process and misbehaves; see test/fakes/keyProcess.mjs. */
export function fakeKeyProcess(at: string, behaviour: string): { readonly path: string; readonly log: string } {
  const script = path.join(at, `${behaviour}.mjs`)
  const log = path.join(at, `${behaviour}.log`)
  const fake = new URL('../../fakes/keyProcess.mjs', import.meta.url).href
  writeFileSync(
    script,
    `import { serve } from ${JSON.stringify(fake)}\nserve(...${JSON.stringify([behaviour, log])})\n`,
  )
  return { path: script, log }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Waits until a process is gone; a killed one is still there until its parent has collected it. */
export async function gone(pid: number, within = 5_000): Promise<boolean> {
  const until = Date.now() + within
  while (isAlive(pid) && Date.now() < until) await sleep(20)
  return !isAlive(pid)
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

export const bytes = (text: string): Uint8Array => encodeUtf8(text)
