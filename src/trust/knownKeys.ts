import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeUtf8 } from '../crypto/encoding.ts'
import {
  MAX_TRANSITION_BYTES,
  parseTransition,
  type TransitionDocument,
  verifyTransition,
} from '../evidence/transition.ts'
import type { TrustedWindow } from '../evidence/trustedKeys.ts'
import { CountersignError } from '../support/errors.ts'
import { said } from '../support/l10n.ts'
import { type KeyLife, windowOf } from './keyLife.ts'

/** What an export says of the keys in it. */
export interface KnownKeys {
  /** When a key of this end counts; undefined for all others: of them it knows nothing that an outsider could rely on. */
  readonly windowOf: (kid: string) => TrustedWindow | undefined
  /** Documents by which keys followed others, own ones and those of peers, both signatures verified. */
  readonly transitions: readonly TransitionDocument[]
}

/**
 * From the own key ring and the documents in a state folder.
 * @param folder of `gateways.json` and `clients.json`: its `transitions/` holds the documents
 * @throws CountersignError `file-unreadable` for a folder that cannot be read; documents that do not hold are left out
 */
export async function knownKeys(lives: readonly KeyLife[], folder: string): Promise<KnownKeys> {
  const own = lives.flatMap(({ transition }) => (transition === undefined ? [] : [encodeUtf8(transition)]))
  const documents = await Promise.all([...own, ...(await documentsIn(join(folder, 'transitions')))].map(held))
  const transitions = documents.filter((document) => document !== undefined)
  return { windowOf: windowsOf(lives), transitions }
}

function windowsOf(lives: readonly KeyLife[]): KnownKeys['windowOf'] {
  const windows = new Map(
    lives.map((life): [string, TrustedWindow] => [
      life.kid,
      { ...windowOf(life), ...(life.revoked !== undefined && { revoked: life.revoked }) },
    ]),
  )
  return (kid) => windows.get(kid)
}

async function documentsIn(folder: string): Promise<Uint8Array[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return []
    throw new CountersignError('file-unreadable', said`${folder} cannot be read; check its permissions.`, { cause })
  })
  const files = names.filter((name) => name.endsWith('.json')).map((name) => readFile(join(folder, name)))
  return (await Promise.all(files))
    .filter(({ length }) => length <= MAX_TRANSITION_BYTES)
    .map((bytes) => new Uint8Array(bytes))
}

async function held(bytes: Uint8Array): Promise<TransitionDocument | undefined> {
  try {
    const document = parseTransition(bytes)
    await verifyTransition(document)
    return document
  } catch (thrown) {
    if (thrown instanceof CountersignError) return undefined
    throw thrown
  }
}
