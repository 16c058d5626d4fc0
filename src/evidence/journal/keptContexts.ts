import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseStrictJson } from '../../contracts/strictJson.ts'
import type { RecipientPublicKey } from '../../crypto/recipient.ts'
import { parseRecipientDocument } from './recipientFile.ts'
import type { KeepContexts } from './sealing.ts'
import { CountersignError } from '../../support/errors.ts'
import { said } from '../../support/l10n.ts'

/** `contexts` of a configuration. @throws CountersignError `config-invalid`, `file-unreadable` */
export async function keptContexts(
  contexts: 'full' | 'digest' | { readonly encryptTo: unknown },
  folder: string,
): Promise<KeepContexts> {
  if (typeof contexts === 'string') return contexts
  const { encryptTo } = contexts
  if (typeof encryptTo === 'string') return { encryptTo: await readRecipient(resolve(folder, encryptTo)) }
  return { encryptTo: recipientOf(encryptTo, '"encryptTo"') }
}

/** @throws CountersignError `config-invalid`, `file-unreadable` */
export async function readRecipient(file: string): Promise<RecipientPublicKey> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (cause) {
    const sentence = said`The key ${file}, to which contexts are encrypted, cannot be read. Check its path and permissions.`
    throw new CountersignError('file-unreadable', sentence, { cause })
  }
  return recipientOf(bytes, file)
}

function recipientOf(value: unknown, where: string): RecipientPublicKey {
  try {
    return parseRecipientDocument(value instanceof Uint8Array ? parseStrictJson(value, { maxDepth: 2 }) : value)
  } catch (cause) {
    const why = cause instanceof CountersignError ? cause.sentence : said('It cannot be read.')
    const sentence = said`${where} is no public key to encrypt contexts to. ${why} "countersign journal keygen" makes one.`
    throw new CountersignError('config-invalid', sentence, { cause })
  }
}
