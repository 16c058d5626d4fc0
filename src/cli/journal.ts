import { open } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { encodeUtf8 } from '../crypto/encoding.ts'
import { wipe } from '../crypto/random.ts'
import type { RecipientKey } from '../crypto/recipient.ts'
import { holderText } from '../evidence/journal/holder.ts'
import { newRecipientFiles, openPrivateFile, parsePrivateFile } from '../evidence/journal/recipientFile.ts'
import { openJournal } from '../evidence/journal/store.ts'
import { CountersignError } from '../support/errors.ts'
import { decryptFiles } from './decrypt.ts'
import { printableJson, shownTime } from './printable.ts'
import type { Io } from './verify.ts'

const USAGE = `countersign journal keygen --out FILE [--passphrase-env NAME]
  Makes a key that contexts are encrypted to: FILE is its private half (mode 0600), FILE.pub what "encryptTo" names.
countersign journal decrypt --key FILE [--passphrase-env NAME] [--to FOLDER] FILE…
  Prints each encrypted context of these files of a journal as one line of JSON, compared with its digest. With --to they are
  written into a new journal in the clear, with their evidence, that "countersign verify" reads.
countersign journal list FOLDER
  The files of a journal, in the order in which they are read, and who writes them.

Exit code of decrypt: 0 all that was encrypted could be read and is as stated, 1 something was changed, 2 otherwise.`

/** `countersign journal keygen|decrypt|list`. @returns the exit code */
export async function runJournal(argv: readonly string[], io: Io): Promise<number> {
  const [verb, ...rest] = argv
  const { out, key, to, passphraseEnv, help, files } = readArguments(rest)
  if (help || verb === '--help' || verb === 'help') {
    io.stdout(USAGE)
    return 0
  }
  const passphrase = passphraseOf(passphraseEnv)
  try {
    if (verb === 'keygen' && out !== undefined && files.length === 0) return await keygen(out, passphrase, io)
    if (verb === 'decrypt' && key !== undefined && files.length > 0) {
      return await decrypt(files, await readKey(key, passphrase), to, io)
    }
    if (verb === 'list' && files.length === 1) return await list(files[0] ?? '', io)
  } finally {
    wipe(passphrase)
  }
  throw new CountersignError(
    'usage',
    'Say what to do with a journal: keygen --out FILE, decrypt --key FILE FILE…, list FOLDER.',
  )
}

async function keygen(file: string, passphrase: Uint8Array | undefined, io: Io): Promise<number> {
  const { id, privateFile, publicFile } = await newRecipientFiles(passphrase)
  await writeNew(file, privateFile, 0o600)
  await writeNew(`${file}.pub`, publicFile, 0o644)
  io.stdout(JSON.stringify({ id, private: file, public: `${file}.pub` }))
  return 0
}

/** Never over a file that is there: what was encrypted to its key would be lost. */
async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    const handle = await open(file, 'wx', mode)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (cause) {
    const taken = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    const why = taken ? 'is there already; it is not replaced' : 'cannot be written; check its folder'
    throw new CountersignError(taken ? 'key-exists' : 'file-unreadable', `${file} ${why}.`, { cause })
  }
}

async function readKey(file: string, passphrase: Uint8Array | undefined): Promise<RecipientKey> {
  const bytes = await readPrivate(file)
  try {
    return await openPrivateFile(parsePrivateFile(bytes), passphrase)
  } finally {
    wipe(bytes)
  }
}

async function readPrivate(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new CountersignError('file-unreadable', `${file} cannot be read. Check its path and permissions.`, { cause })
  })
  try {
    const { mode } = await handle.stat()
    // Windows has no such bits; there the folder's access control list decides.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new CountersignError('file-permissions', `Others can read ${file}. Run chmod 600 on it.`)
    }
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

async function decrypt(files: readonly string[], key: RecipientKey, to: string | undefined, io: Io): Promise<number> {
  try {
    const show = to === undefined ? (line: object) => io.stdout(printableJson(line)) : () => {}
    const counts = await decryptFiles(files, key, {
      show,
      note: (line) => io.stderr(`countersign journal: ${line}`),
      to,
    })
    io.stderr(
      `countersign journal: ${counts.opened} contexts decrypted, ${counts.false} false, ${counts.other} for another key, ${counts.clear} not encrypted`,
    )
    if (counts.false > 0) return 1
    return counts.other > 0 || counts.opened === 0 ? 2 : 0
  } finally {
    key.wipe()
  }
}

async function list(folder: string, io: Io): Promise<number> {
  for (const { name, bytes, writtenAt, held } of (await openJournal(folder)).files) {
    const writer = held === undefined ? '' : ` · written by ${held === 'unknown' ? 'somebody' : holderText(held)}`
    io.stdout(`${name} · ${bytes} B · ${shownTime(Math.round(writtenAt))}${writer}`)
  }
  return 0
}

function passphraseOf(variable: string | undefined): Uint8Array | undefined {
  if (variable === undefined) return undefined
  const value = process.env[variable]
  if (value === undefined || value === '') {
    throw new CountersignError('usage', `The environment has no ${variable}, which should hold the passphrase.`)
  }
  return encodeUtf8(value)
}

function readArguments(argv: readonly string[]) {
  const text = { type: 'string' } as const
  const options = { out: text, key: text, to: text, 'passphrase-env': text, help: { type: 'boolean' } } as const
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    const { out, key, to, help = false } = values
    return { out, key, to, help, passphraseEnv: values['passphrase-env'], files: positionals }
  } catch (cause) {
    const sentence = cause instanceof Error ? cause.message : 'The arguments cannot be read.'
    throw new CountersignError('usage', sentence, { cause })
  }
}
