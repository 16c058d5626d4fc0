import { Buffer } from 'node:buffer'

/** What a native library was built for, in Node's words (process.platform, process.arch); undefined: something else. */
export interface BuiltFor {
  readonly system: 'linux' | 'darwin' | 'win32'
  /** Several in a universal library of macOS; empty for a processor that has no name here. */
  readonly architectures: readonly string[]
}

/** e_machine of the System V ABI. */
const ELF_MACHINES: Readonly<Record<number, string>> = {
  0x03: 'ia32',
  0x15: 'ppc64',
  0x16: 's390x',
  0x28: 'arm',
  0x3e: 'x64',
  0xb7: 'arm64',
  0xf3: 'riscv64',
  0x102: 'loong64',
}
/** cputype of mach/machine.h. */
const MACH_CPUS: Readonly<Record<number, string>> = { 7: 'ia32', 12: 'arm', 0x1000007: 'x64', 0x100000c: 'arm64' }
/** Machine of the COFF header. */
const PE_MACHINES: Readonly<Record<number, string>> = { 0x14c: 'ia32', 0x1c4: 'arm', 0x8664: 'x64', 0xaa64: 'arm64' }

/** A universal library holds a handful; a Java class, which begins with the same four bytes, has a version of 45 or more there. */
const MOST_ARCHITECTURES = 20

/** Bytes from the start of a file that `builtFor` wants to see. */
export const HEADER_BYTES = 4096

export function builtFor(head: Buffer): BuiltFor | undefined {
  try {
    const magic = head.readUInt32BE(0)
    if (magic === 0x7f454c46) return { system: 'linux', architectures: elfMachine(head) }
    if (magic === 0xcffaedfe || magic === 0xcefaedfe) {
      return { system: 'darwin', architectures: named(MACH_CPUS, head.readUInt32LE(4)) }
    }
    if (magic === 0xcafebabe || magic === 0xcafebabf) return universal(head, magic === 0xcafebabe ? 20 : 32)
    if (head.readUInt16BE(0) === 0x4d5a) return portableExecutable(head)
  } catch (thrown) {
    // Shorter than its own header says.
    if (!(thrown instanceof RangeError)) throw thrown
  }
  return undefined
}

function elfMachine(head: Buffer): string[] {
  return named(ELF_MACHINES, head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18))
}

function universal(head: Buffer, entrySize: number): BuiltFor | undefined {
  const count = head.readUInt32BE(4)
  if (count > MOST_ARCHITECTURES) return undefined
  const cpus = Array.from({ length: count }, (_, at) => head.readUInt32BE(8 + at * entrySize))
  return { system: 'darwin', architectures: cpus.flatMap((cpu) => named(MACH_CPUS, cpu)) }
}

function portableExecutable(head: Buffer): BuiltFor | undefined {
  const at = head.readUInt32LE(0x3c)
  if (head.readUInt32BE(at) !== 0x50450000) return undefined
  return { system: 'win32', architectures: named(PE_MACHINES, head.readUInt16LE(at + 4)) }
}

function named(names: Readonly<Record<number, string>>, value: number): string[] {
  const name = names[value]
  return name === undefined ? [] : [name]
}
