import type { PublicKey } from '../../src/crypto/jwk.ts'
import { buildTransition, parseTransition, type TransitionDocument } from '../../src/evidence/transition.ts'
import type { SeedSigner } from './seedSigner.ts'

/** The public half, as rings have it. */
export function publicOf({ algorithm, publicKey }: SeedSigner): PublicKey {
  return { algorithm, publicKey }
}

/** A transition document that both keys signed. @param at ms since 1970 */
export async function transitionOf(from: SeedSigner, to: SeedSigner, at: number): Promise<Uint8Array> {
  const input = { kind: 'transition', from, to, at } as const
  const signatures = { from: await from.sign(input), to: await to.sign(input) }
  return buildTransition({ from, to, at, signatures })
}

export async function documentOf(from: SeedSigner, to: SeedSigner, at: number): Promise<TransitionDocument> {
  return parseTransition(await transitionOf(from, to, at))
}

/** The same with members that a test changes; what `change` returns is written as compact JSON. */
export function altered(document: Uint8Array, change: (value: Alterable) => unknown): Uint8Array {
  const value: Alterable = JSON.parse(Buffer.from(document).toString('utf8'))
  return new Uint8Array(Buffer.from(JSON.stringify(change(value))))
}

export interface Alterable {
  [name: string]: unknown
  payload: string
  signatures: { protected: string; signature: string }[]
}

/** A payload with members that a test changes. */
export function alteredPayload(payload: string, change: (value: Record<string, unknown>) => unknown): string {
  const value: Record<string, unknown> = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  return Buffer.from(JSON.stringify(change(value))).toString('base64url')
}
