import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { bundleFile } from '../../../src/extension/bundle/bundleFile.ts'

describe.skipIf(process.platform === 'win32')('a bundle that lies in a folder of somebody else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'a.countersign')
  const { signal } = new AbortController()

  it('is read', async () => {
    writeFileSync(path, 'three')
    const { name, bytes, input } = await bundleFile(path, signal)
    const chunks: Uint8Array[] = []
    for await (const chunk of input) chunks.push(chunk)
    expect([name, bytes, Buffer.concat(chunks).toString()]).toEqual(['a.countersign', 5, 'three'])
  })

  it('is not waited for where it is a FIFO, a device or a folder', async () => {
    const [fifo, link] = [join(folder, 'fifo.countersign'), join(folder, 'link.countersign')]
    execFileSync('mkfifo', [fifo])
    symlinkSync('/dev/zero', link)
    for (const other of [fifo, link, folder]) await expect(bundleFile(other, signal)).rejects.toThrow('no regular file')
  })
})
