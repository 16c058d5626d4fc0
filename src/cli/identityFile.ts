import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import * as v from 'valibot'
import { readConfig } from '../contracts/configFile.ts'
import { type IdentityConfig, parseIdentityConfig } from '../contracts/identityConfig.ts'
import { readTransition, type Transition } from '../evidence/transition.ts'
import { CountersignError } from '../support/errors.ts'
import { shownTime } from './printable.ts'

/** A configuration of gateway or connect, or the value of its `identity` alone. */
const anyConfig = v.looseObject({})

/** The identity that a file names; relative paths are relative to it. @throws CountersignError `config-invalid`, `file-unreadable` */
export async function readIdentityFile(file: string): Promise<IdentityConfig> {
  const config = await readConfig(file, anyConfig)
  return parseIdentityConfig(config['identity'] ?? config, dirname(resolve(file)), file)
}

/**
 * A transition document from a file, both signatures verified.
 * @returns what it says, and its exact bytes
 * @throws CountersignError `file-unreadable`, `config-invalid`
 */
export async function readTransitionFile(file: string): Promise<Transition & { readonly bytes: Uint8Array }> {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(await readFile(file))
  } catch (cause) {
    throw new CountersignError('file-unreadable', `The transition ${file} cannot be read.`, { cause })
  }
  try {
    return { ...(await readTransition(bytes)), bytes }
  } catch (cause) {
    throw new CountersignError('config-invalid', `${file} is no key transition that both of its keys signed.`, {
      cause,
    })
  }
}

/** The document that a gateway shows to its clients. @throws as `readTransitionFile`; `config-invalid` for that of another key */
export async function readOwnTransition(file: string, kid: string): Promise<Uint8Array> {
  const { to, at, bytes } = await readTransitionFile(file)
  if (to.kid !== kid) {
    throw new CountersignError('config-invalid', `${file} leads to the key ${to.kid}, and this gateway has ${kid}.`)
  }
  if (at > Date.now()) {
    throw new CountersignError(
      'config-invalid',
      `${file} begins at ${shownTime(at)}: until then keep the old identity.`,
    )
  }
  return bytes
}
