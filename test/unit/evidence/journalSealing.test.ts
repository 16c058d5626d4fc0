import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { runJournal } from '../../../src/cli/journal.ts'
import { randomBytes } from '../../../src/crypto/random.ts'
import { RECIPIENT_SEED_LENGTH, type RecipientKey, recipientKey, sealTo } from '../../../src/crypto/recipient.ts'
import { Journal } from '../../../src/evidence/journal/journal.ts'
import { keptContexts } from '../../../src/evidence/journal/keptContexts.ts'
import { openSealed, type SealedContext } from '../../../src/evidence/journal/sealing.ts'
import { findEntry, openJournal } from '../../../src/evidence/journal/store.ts'
import type { EvidenceEntry } from '../../../src/evidence/types.ts'
import { QUESTION, SID } from './build.ts'
import { conversation, judged, root } from './conversation.ts'
import { filesOf, newFolder, SMALL, writeAll } from './journalFolder.ts'

let entries: readonly EvidenceEntry[]
let key: RecipientKey

beforeAll(async () => {
  entries = (await conversation()).entries
  key = await recipientKey(randomBytes(RECIPIENT_SEED_LENGTH))
})

async function sealedIn(folder: string): Promise<SealedContext[]> {
  const found: SealedContext[] = []
  for await (const item of (await openJournal(folder)).read()) {
    if (item.kind === 'entry' && item.sealed !== undefined) found.push(item.sealed)
  }
  return found
}

async function encrypted(options = {}): Promise<string> {
  const folder = await newFolder()
  await (await writeAll(folder, entries, { contexts: { encryptTo: key.publicKey }, ...options })).close()
  return folder
}

async function command(...argv: string[]) {
  const [out, err]: [string[], string[]] = [[], []]
  const io = { stdout: (line: string) => void out.push(line), stderr: (line: string) => void err.push(line) }
  const code = await runJournal(argv, io)
  return { code, out, err }
}

describe('contexts that are encrypted', () => {
  it('hold by their statements, give nothing away, and open with the key alone', async () => {
    const folder = await encrypted(SMALL)
    const files = await filesOf(folder)
    expect(files.length).toBeGreaterThan(1)
    const { code, lines } = await judged(...files)
    expect([code, lines.every((line) => line.includes('is encrypted and was not compared'))]).toEqual([0, true])
    const text = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('')
    expect(text.includes(Buffer.from(QUESTION).toString('base64url').slice(0, 20))).toBe(false)
    const sealed = await sealedIn(folder)
    const opened = await Promise.all(sealed.map((one) => openSealed(one, key)))
    expect(opened).toEqual(entries.map(({ context }) => new Uint8Array(context ?? [])))
    const other = await recipientKey(randomBytes(RECIPIENT_SEED_LENGTH))
    for (const one of sealed) await expect(openSealed(one, other)).rejects.toMatchObject({ code: 'key-missing' })
  })

  it('open nowhere else: in no other line, segment, series or statement, and with no byte changed', async () => {
    const [one, two] = [await sealedIn(await encrypted()), await sealedIn(await encrypted())]
    const [first, second] = [one[0] ?? fail(), one[1] ?? fail()]
    const flipped = first.bytes.slice()
    flipped[3] = (flipped[3] ?? 0) ^ 1
    const { header } = first
    const ciphertext = header.ciphertext.slice()
    ciphertext[0] = (ciphertext[0] ?? 0) ^ 1
    const moved: SealedContext[] = [
      { ...first, n: second.n },
      { ...first, segment: 1 },
      { ...first, series: (two[0] ?? fail()).series },
      { ...first, statement: second.statement },
      { ...first, bytes: flipped },
      { ...first, header: (two[0] ?? fail()).header },
      // ML-KEM refuses nothing: it gives a secret that nobody has.
      { ...first, header: { ...header, ciphertext } },
      { ...first, header: { ...header, share: (two[0] ?? fail()).header.share } },
    ]
    for (const sealed of moved) await expect(openSealed(sealed, key)).rejects.toMatchObject({ code: 'decrypt-failed' })
    const zero = { ...first, header: { ...header, share: new Uint8Array(32) } }
    await expect(openSealed(zero, key)).rejects.toMatchObject({ code: 'peer-protocol' })
  })

  it('have a key of their own in each segment, also in one that begins behind another of the same number', async () => {
    const context = Buffer.from('a segment')
    const [one, two] = [await sealTo(key.publicKey, context), await sealTo(key.publicKey, context)]
    const seal = (made: typeof one) => Buffer.from(made.key.seal(0, context, context)).toString('hex')
    expect(seal(one)).not.toBe(seal(two))
    expect((await key.contentKey(one.header, context)).open(0, context, one.key.seal(0, context, context))).toEqual(
      new Uint8Array(context),
    )
    one.key.wipe()
    expect(() => one.key.open(0, context, two.key.seal(0, context, context))).toThrow()
  })

  it('come without bytes from the panel’s archive', async () => {
    const entry = await findEntry(await encrypted(), { sid: SID, dir: 'c2s', seq: 1 })
    expect([entry?.context, entry?.statement]).toEqual([undefined, entries[2]?.statement])
  })
})

describe('countersign journal', () => {
  it('makes a key, and decrypts to what verifies in full', async () => {
    const file = join(await mkdtemp(join(root, 'k-')), 'auditor.key')
    const made = await command('keygen', '--out', file)
    expect(made.code).toBe(0)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await expect(command('keygen', '--out', file)).rejects.toMatchObject({ code: 'key-exists' })
    const contexts = await keptContexts({ encryptTo: `${file}.pub` }, '/')
    const files = await filesOf(await encrypted({ contexts }))
    const { code, out } = await command('decrypt', '--key', file, ...files)
    expect(code).toBe(0)
    expect(JSON.parse(out[0] ?? '')).toMatchObject({ dir: 'c2s', seq: 0, context: Buffer.from(QUESTION).toString() })
    const folder = await newFolder()
    expect((await command('decrypt', '--key', file, '--to', folder, ...files)).code).toBe(0)
    const clear = await judged(...(await filesOf(folder)))
    expect([clear.code, clear.lines.some((line) => line.includes('encrypted'))]).toEqual([0, false])
    // The private half named by mistake, somebody else's journal, and one in the clear.
    await expect(keptContexts({ encryptTo: file }, '/')).rejects.toMatchObject({ code: 'config-invalid' })
    expect((await command('decrypt', '--key', file, ...(await filesOf(await encrypted())))).code).toBe(2)
    expect((await command('decrypt', '--key', file, ...(await filesOf(folder)))).code).toBe(2)
    await expect(keptContexts({ encryptTo: '/absent' }, '/')).rejects.toMatchObject({ code: 'file-unreadable' })
  })

  it('keeps a key behind a passphrase, and refuses one that others can read', async () => {
    const file = join(await mkdtemp(join(root, 'k-')), 'auditor.key')
    process.env['JOURNAL_TEST'] = 'correct horse'
    await command('keygen', '--out', file, '--passphrase-env', 'JOURNAL_TEST')
    expect(JSON.parse(await readFile(file, 'utf8'))).not.toHaveProperty('seed')
    const files = await filesOf(await encrypted({ contexts: await keptContexts({ encryptTo: `${file}.pub` }, '/') }))
    expect((await command('decrypt', '--key', file, '--passphrase-env', 'JOURNAL_TEST', ...files)).code).toBe(0)
    process.env['JOURNAL_TEST'] = 'wrong'
    const wrong = command('decrypt', '--key', file, '--passphrase-env', 'JOURNAL_TEST', ...files)
    await expect(wrong).rejects.toMatchObject({ code: 'decrypt-failed' })
    await expect(command('decrypt', '--key', file, ...files)).rejects.toMatchObject({ code: 'usage' })
    delete process.env['JOURNAL_TEST']
    const open = join(root, 'open.key')
    await writeFile(open, await readFile(file), { mode: 0o644 })
    await expect(command('decrypt', '--key', open, ...files)).rejects.toMatchObject({ code: 'file-permissions' })
  })

  it('lists files and who writes them', async () => {
    const folder = await newFolder()
    const journal = await Journal.open({ folder })
    const { out } = await command('list', folder)
    expect(out).toEqual([
      expect.stringMatching(new RegExp(`-000000\\.jsonl · \\d+ B · .* · written by process ${process.pid}, since`)),
    ])
    await journal.close()
    expect((await command('list', folder)).out[0]).not.toContain('written by')
    await expect(command('list', join(folder, 'absent'))).rejects.toMatchObject({ code: 'file-unreadable' })
  })
})

function fail(): never {
  throw new Error('a test has nothing to look at')
}
