import { readFile, writeFile } from 'node:fs/promises'

/** One file in a .zip, as its central directory (APPNOTE.TXT, 4.3.12) describes it. */
interface Entry {
  readonly name: string
  readonly header: Buffer
  /** Local header, name, extra field and data. */
  readonly local: Buffer
}

const END = 0x06054b50
const CENTRAL = 0x02014b50

/** Names of the files in a .zip. */
export async function namesIn(file: string): Promise<string[]> {
  return entries(await readFile(file)).map(({ name }) => name)
}

/** A copy of a .zip without some of its files. */
export async function copyWithout(source: string, target: string, leave: (name: string) => boolean): Promise<void> {
  const kept = entries(await readFile(source)).filter(({ name }) => !leave(name))
  let offset = 0
  const headers = kept.map(({ header, local }) => {
    const moved = Buffer.from(header)
    moved.writeUInt32LE(offset, 42)
    offset += local.length
    return moved
  })
  const directory = Buffer.concat(headers)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(END, 0)
  end.writeUInt16LE(kept.length, 8)
  end.writeUInt16LE(kept.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  await writeFile(target, Buffer.concat([...kept.map(({ local }) => local), directory, end]))
}

function entries(zip: Buffer): Entry[] {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
  if (end === -1) throw new Error('this is no .zip')
  const count = zip.readUInt16LE(end + 10)
  const directory = zip.readUInt32LE(end + 16)
  const found: Entry[] = []
  for (let at = directory; found.length < count; ) {
    if (zip.readUInt32LE(at) !== CENTRAL) throw new Error('the directory of this .zip is broken')
    const length = zip.readUInt16LE(at + 28)
    const next = at + 46 + length + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
    const name = zip.toString('utf8', at + 46, at + 46 + length)
    found.push({ name, header: zip.subarray(at, next), local: localPart(zip, at) })
    at = next
  }
  return found
}

/** A data descriptor, where there is one, stays behind: it would say again what the directory says. */
function localPart(zip: Buffer, central: number): Buffer {
  const size = zip.readUInt32LE(central + 20)
  const at = zip.readUInt32LE(central + 42)
  const data = at + 30 + zip.readUInt16LE(at + 26) + zip.readUInt16LE(at + 28)
  return zip.subarray(at, data + size)
}
