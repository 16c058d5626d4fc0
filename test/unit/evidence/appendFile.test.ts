import { open } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { AppendFile } from '../../../src/evidence/journal/appendFile.ts'

describe('writing', () => {
  interface Call {
    readonly bytes: number
    readonly done: (error?: Error) => void
  }

  /** A file whose writes are ended by the test. */
  function slowFile() {
    const writes: Call[] = []
    const written: number[] = []
    const syncs: { readonly done: (error?: Error) => void }[] = []
    const promise = (list: { push(call: Call): unknown }, bytes: number) =>
      new Promise<void>((resolve, reject) => {
        list.push({ bytes, done: (error) => (error === undefined ? resolve() : reject(error)) })
      })
    const file = {
      writev: async (parts: readonly Uint8Array[]) => {
        const bytes = Buffer.concat(parts)
        await promise(writes, bytes.length)
        written.push(...bytes.subarray(0, 10))
        return { bytesWritten: Math.min(10, bytes.length) }
      },
      datasync: () => promise(syncs, 0),
      close: async () => {},
    }
    return { writes, written, syncs, file: Object.assign(Object.create(null), file) }
  }

  const turn = () => new Promise((resolve) => setImmediate(resolve))

  it('shares one write among appends that come while another is under way, and goes on after a short one', async () => {
    const { file, writes, written } = slowFile()
    const append = new AppendFile(file, 'written')
    const done: number[] = []
    const add = (length: number, at: number) =>
      append.append(new Uint8Array(length - 1).fill(at), Uint8Array.of(9)).then(() => done.push(at))
    // One turn: one write.
    const promises = [add(3, 0), add(1, 1)]
    await turn()
    expect(writes.map(({ bytes }) => bytes)).toEqual([4])
    promises.push(add(5, 2), add(6, 3))
    await turn()
    writes[0]?.done()
    await turn()
    expect([done, writes.map(({ bytes }) => bytes)]).toEqual([
      [0, 1],
      [4, 11],
    ])
    writes[1]?.done()
    await turn()
    expect([done, writes.map(({ bytes }) => bytes)]).toEqual([
      [0, 1],
      [4, 11, 1],
    ])
    writes[2]?.done()
    await Promise.all(promises)
    expect(done).toEqual([0, 1, 2, 3])
    expect(written).toEqual([0, 0, 9, 9, 2, 2, 2, 2, 9, 3, 3, 3, 3, 3, 9])
  })

  it('waits for the disk where it is asked to, and only there', async () => {
    const { file, writes, syncs } = slowFile()
    const append = new AppendFile(file, 'fsync')
    let done = false
    const promise = append.append(new Uint8Array(3)).then(() => (done = true))
    await turn()
    writes[0]?.done()
    await turn()
    expect([done, syncs.length]).toEqual([false, 1])
    syncs[0]?.done()
    await promise
    const loose = slowFile()
    const written = new AppendFile(loose.file, 'written').append(new Uint8Array(3))
    await turn()
    loose.writes[0]?.done()
    await written
    expect(loose.syncs).toHaveLength(0)
  })

  it('stops for good at the first error, of a write or of an fsync', async () => {
    for (const durability of ['written', 'fsync'] as const) {
      const { file, writes, syncs } = slowFile()
      const append = new AppendFile(file, durability)
      const results = [1, 2].map((length) => append.append(new Uint8Array(length)).catch((error: unknown) => error))
      const broken = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
      await turn()
      writes[0]?.done(durability === 'written' ? broken : undefined)
      await turn()
      syncs[0]?.done(broken)
      for (const result of results) {
        expect(await result).toMatchObject({ code: 'journal-write', message: expect.stringContaining('is full') })
      }
      await expect(append.append(new Uint8Array(1))).rejects.toMatchObject({ code: 'journal-write' })
      await expect(append.close()).rejects.toMatchObject({ code: 'journal-write', cause: broken })
      expect(writes).toHaveLength(1)
    }
  })

  it.runIf(process.platform === 'linux')('releases nothing on a full disk', async () => {
    const append = new AppendFile(await open('/dev/full', 'a'), 'written')
    await expect(append.append(Uint8Array.of(1))).rejects.toMatchObject({
      code: 'journal-write',
      cause: { code: 'ENOSPC' },
    })
    await expect(append.close()).rejects.toMatchObject({ code: 'journal-write' })
  })
})
