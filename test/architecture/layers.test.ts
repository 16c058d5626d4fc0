import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return name === 'node_modules' ? [] : sources(path)
    return path.endsWith('.ts') ? [path] : []
  })
}

/** Every module specifier of a file: static and dynamic imports, re-exports, require, type-only ones included. */
function imports(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)['"]([^'"]+)['"]/g
  // A path into node_modules is how a file is reached that a package does not export: it counts as that package.
  return [...text.matchAll(pattern)].map((match) => (match[1] ?? '').replace(/^(?:\.\.\/)+node_modules\//, ''))
}

/** Arrows point down: a folder may import itself and what its list names. Longest prefix wins. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  extension: ['mcp', 'session', 'keys', 'trust', 'evidence', 'crypto', 'contracts', 'support'],
  cli: ['mcp', 'session', 'keys', 'trust', 'evidence', 'crypto', 'contracts', 'support'],
  mcp: ['session', 'evidence', 'crypto', 'contracts', 'support'],
  session: ['keys', 'trust', 'evidence', 'crypto', 'contracts', 'support'],
  trust: ['crypto', 'contracts', 'support', 'evidence'],
  keys: ['evidence', 'crypto', 'contracts', 'support'],
  evidence: ['crypto', 'contracts', 'support'],
  crypto: ['contracts', 'support'],
  contracts: ['support'],
  support: [],
}

/** Types only, so no code: contracts describe what upper folders exchange in the words of lower ones. */
const TYPE_ONLY_EXCEPTIONS = new Set(['contracts -> crypto', 'contracts -> evidence', 'contracts -> session'])

/** What a package may be imported by. Everything else is free (node: built-ins, valibot, ws …). */
const PACKAGES: readonly { readonly name: RegExp; readonly only: readonly string[] }[] = [
  { name: /^vscode$/, only: ['src/extension/'] },
  { name: /^pkcs11js$/, only: ['src/keys/process/'] },
  { name: /^(@noble\/|@oqs\/)/, only: ['src/crypto/'] },
  { name: /^(node:)?crypto$/, only: ['src/crypto/'] },
  { name: /^@modelcontextprotocol\//, only: ['src/mcp/client/', 'src/mcp/upstream/oauth/', 'src/cli/sampleServer.ts'] },
  { name: /^@vscode\/webview-ui-toolkit/, only: ['webview/toolkit.ts'] },
]

const files = [...sources(join(ROOT, 'src')), ...sources(join(ROOT, 'webview'))]
const name = (file: string): string => relative(ROOT, file).split(sep).join('/')
const folder = (file: string): string => name(file).split('/')[1] ?? ''

describe('the house', () => {
  it('has files to look at in every folder', () => {
    expect(files.length).toBeGreaterThan(60)
    for (const layer of Object.keys(MAY_IMPORT)) {
      expect(files.filter((file) => name(file).startsWith(`src/${layer}/`)).length, layer).toBeGreaterThan(0)
    }
  })

  it('lets arrows point down only', () => {
    const upward: string[] = []
    for (const file of files.filter((file) => name(file).startsWith('src/'))) {
      const text = readFileSync(file, 'utf8')
      for (const specifier of imports(file).filter((specifier) => specifier.startsWith('.'))) {
        const from = folder(file)
        const to = folder(resolve(dirname(file), specifier))
        const arrow = `${from} -> ${to}`
        if (from === to || MAY_IMPORT[from]?.includes(to) === true) continue
        const typeOnly = new RegExp(`import type [^;]*?from '${specifier.replaceAll('.', '\\.')}'`).test(text)
        if (TYPE_ONLY_EXCEPTIONS.has(arrow) && typeOnly) continue
        upward.push(`${name(file)} imports ${specifier} (${arrow})`)
      }
    }
    expect(upward).toEqual([])
  })

  it('lets nobody import the key process', () => {
    const guests = files.filter(
      (file) =>
        !name(file).startsWith('src/keys/process/') &&
        imports(file).some((specifier) => name(resolve(dirname(file), specifier)).startsWith('src/keys/process/')),
    )
    expect(guests.map(name)).toEqual([])
  })

  it('lets the webview import contracts, and how a text is translated', () => {
    const guests: string[] = []
    for (const file of files.filter((file) => name(file).startsWith('webview/'))) {
      for (const specifier of imports(file).filter((specifier) => specifier.startsWith('.'))) {
        const target = name(resolve(dirname(file), specifier))
        if (!target.startsWith('webview/') && !target.startsWith('src/contracts/') && target !== 'src/support/l10n.ts')
          guests.push(`${name(file)}: ${target}`)
      }
    }
    expect(guests).toEqual([])
  })

  it.each(PACKAGES)('keeps $name where it belongs', ({ name: pattern, only }) => {
    const users = files.filter((file) => imports(file).some((specifier) => pattern.test(specifier))).map(name)
    expect(users.length, 'somebody uses it').toBeGreaterThan(0)
    expect(users.filter((user) => !only.some((allowed) => user.startsWith(allowed)))).toEqual([])
  })

  it('keeps every source file short enough to read in one sitting', () => {
    const long = files.map((file) => ({ file: name(file), lines: readFileSync(file, 'utf8').split('\n').length }))
    expect(long.filter(({ lines }) => lines > 400)).toEqual([])
  })
})

// What it says about the text of the protocol is worth nothing if it leans on the code that it checks.
describe('the second initiator', () => {
  const own = sources(join(ROOT, 'test/independent'))
  const implementation = own.filter((file) => !file.endsWith('.test.ts'))

  it('imports nothing from src, nor does anything that it imports', () => {
    // A set that grows is walked to its end.
    const reached = new Set(own)
    for (const file of reached) {
      for (const specifier of imports(file).filter((specifier) => specifier.startsWith('.'))) {
        reached.add(resolve(dirname(file), specifier))
      }
    }
    expect(reached.size).toBeGreaterThan(own.length)
    expect([...reached].map(name).filter((file) => file.startsWith('src/'))).toEqual([])
  })

  it('has libraries for nothing but cryptography and the socket, and files of its own only', () => {
    expect(implementation.length).toBeGreaterThan(4)
    const others = implementation.flatMap(imports).filter((specifier) => !/^\.\/\w+\.ts$/.test(specifier))
    const libraries = ['@noble/post-quantum/ml-dsa.js', '@noble/post-quantum/ml-kem.js', 'node:crypto', 'ws']
    expect([...new Set(others)].sort()).toEqual(libraries)
  })
})
