import * as fc from 'fast-check'
import { parse } from 'jsonc-parser'
import { describe, expect, it } from 'vitest'
import {
  type AgentFile,
  agentFiles,
  addServer,
  ownEntries,
  removeServer,
} from '../../../src/extension/agents/agentFiles.ts'
import { addEntry, removeEntry } from '../../../src/extension/agents/files/jsonEdits.ts'
import { addTable, removeTable } from '../../../src/extension/agents/files/tomlEdits.ts'

const FILES = agentFiles({
  home: '/home/ada',
  configHome: undefined,
  platform: 'linux',
  workspaces: [{ name: 'app', path: '/src/app' }],
  editorUser: '/home/ada/.config/Code/User',
})
const TARGET = { gateway: 'desk', server: 'files' }

function fileAt(end: string): AgentFile {
  const found = FILES.find(({ path }) => path.endsWith(end))
  if (found === undefined) throw new Error(`no file ${end}`)
  return found
}

const CODEX = fileAt('config.toml')
const PLACE = { container: 'servers', name: 'ours', dialect: 'jsonc' } as const
const VALUE = { command: 'x', args: ['a', 'b'] }

/** White space and comments where JSONC may have them; a line comment ends its line. */
const trivia = fc
  .array(fc.constantFrom(' ', '\n', '\n  ', '\t', '/* , } */', '// "a": {},\n', '/* \n */', '\r\n'), { maxLength: 3 })
  .map((parts) => parts.join(''))
const member = fc.tuple(
  fc.string({ maxLength: 6 }).filter((name) => name !== 'ours' && name !== 'servers'),
  fc.jsonValue({ maxDepth: 2 }),
)

/** The text of an object with these members and trivia between all tokens. */
function objectText(members: readonly (readonly [string, string])[], gaps: readonly string[], comma: boolean): string {
  let at = 0
  const gap = (): string => gaps[at++ % Math.max(gaps.length, 1)] ?? ''
  const written = members.map(([name, value]) => `${gap()}${JSON.stringify(name)}${gap()}:${gap()}${value}${gap()}`)
  return `{${written.join(',')}${comma && members.length > 0 ? `,${gap()}` : ''}${gap()}}`
}

const jsoncText = fc
  .record({
    outer: fc.uniqueArray(member, { selector: ([name]) => name, maxLength: 3 }),
    inner: fc.uniqueArray(member, { selector: ([name]) => name, maxLength: 3 }),
    gaps: fc.array(trivia, { minLength: 1, maxLength: 9 }),
    commas: fc.tuple(fc.boolean(), fc.boolean()),
    there: fc.boolean(),
    mark: fc.boolean(),
    lead: trivia,
  })
  .map(({ outer, inner, gaps, commas, there, mark, lead }) => {
    const texts = (members: typeof outer) =>
      members.map(([name, value]): [string, string] => [name, JSON.stringify(value)])
    const servers: [string, string] = ['servers', objectText(texts(inner), gaps, commas[0])]
    const members = there ? [...texts(outer.slice(1)), servers, ...texts(outer.slice(0, 1))] : texts(outer)
    return `${mark ? '\ufeff' : ''}${lead}${objectText(members, gaps.toReversed(), commas[1])}${lead}`
  })

/** That `longer` is `shorter` with characters put in between, none altered and none moved. */
function containsInOrder(longer: string, shorter: string): boolean {
  let at = 0
  for (const character of longer) if (character === shorter[at]) at += 1
  return at === shorter.length
}

function read(text: string): { readonly servers?: object; readonly [name: string]: unknown } {
  return parse(text.replace('\ufeff', ''), [], { allowTrailingComma: true }) ?? {}
}

describe('an entry in a JSON file', () => {
  it('is added by insertions only, wherever comments, commas and line ends are', () => {
    fc.assert(
      fc.property(jsoncText, (text) => {
        const after = addEntry(text, PLACE, VALUE)
        const before = read(text)
        expect(read(after)).toEqual({ ...before, servers: { ...before.servers, ours: VALUE } })
        expect(isInsertion(text, after)).toBe(true)
      }),
      { numRuns: 400 },
    )
  })

  it('is taken back without a trace, but for white space in an object that is empty again', () => {
    fc.assert(
      fc.property(jsoncText, (text) => {
        const back = removeEntry(addEntry(text, PLACE, VALUE), PLACE)
        const before = read(text)
        const servers = before.servers
        expect(read(back)).toEqual({ ...before, servers: servers ?? {} })
        if (servers !== undefined && Object.keys(servers).length > 0) expect(back).toBe(text)
      }),
      { numRuns: 400 },
    )
  })

  it('leaves valid text with every comment when it stood anywhere', () => {
    fc.assert(
      fc.property(jsoncText, trivia, fc.nat(3), (text, gap, position) => {
        const source = read(text)
        const servers = Object.entries(source.servers ?? {}).map(([name, value]): [string, string] => [
          name,
          JSON.stringify(value),
        ])
        servers.splice(Math.min(position, servers.length), 0, ['ours', '123456'])
        const whole = `{"servers":${objectText(servers, [gap, ' '], false)}}`
        const back = removeEntry(whole, PLACE)
        expect(read(back)).toEqual({ servers: source.servers ?? {} })
        expect(containsInOrder(whole, back.replaceAll(/\s/g, ''))).toBe(true)
        // Every comment is still there and still one, but for those within the entry itself.
        const outside = whole.replace(/"ours"[^]*?123456/, '')
        expect(back.replaceAll(/[\s,]/g, '')).toBe(outside.replaceAll(/[\s,]/g, ''))
      }),
      { numRuns: 400 },
    )
  })

  it('looks as its owner writes', () => {
    const tabs = '{\n\t"servers": {\n\t\t"a": {} // mine\n\t}\n}\n'
    expect(addEntry(tabs, PLACE, { command: 'x' })).toBe(
      '{\n\t"servers": {\n\t\t"a": {}, // mine\n\t\t"ours": {\n\t\t\t"command": "x"\n\t\t}\n\t}\n}\n',
    )
    expect(addEntry('', PLACE, { command: 'x' })).toBe(
      '{\n  "servers": {\n    "ours": {\n      "command": "x"\n    }\n  }\n}\n',
    )
  })

  it.each([
    ['a text that breaks off', '{"servers":{', /line 1/],
    ['a name that is taken', '{"servers":{"ours":1}}', /already/],
    ['a container that is no object', '{"servers":[]}', /no object/],
    ['a container that is there twice', '{"servers":{},"servers":{}}', /twice/],
    ['a list', '[]', /no JSON object/],
  ])('is refused for %s', (_, text, why) => {
    expect(() => addEntry(text, PLACE, VALUE)).toThrow(why)
  })

  it('is refused where comments are none of the agent’s language', () => {
    expect(() => addEntry('{ // x\n}', { ...PLACE, dialect: 'json' }, VALUE)).toThrow(/line 1/)
    expect(() => addEntry('{"a":1,}', { ...PLACE, dialect: 'json' }, VALUE)).toThrow(/line 1/)
  })
})

const TOML = [
  '# a comment\nmodel = "o1" # [mcp_servers.files]\n',
  'text = """\n[mcp_servers.files]\n\\""" still\n"""\n',
  "literal = '''\n[mcp_servers.files]\n'''\n",
  'list = [ 1, # one\n  "]", [2, 3],\n]\nwhen = 2026-11-24 10:00:00Z\n',
  '[ profiles . "a.b" ]\nx = { y = 1, z = ["a"] }\n',
  '[[rows]]\n[[rows]]\nq = -1.5e3\n',
  '[mcp_servers.other]\ncommand = "c"\r\nargs = []\n',
]

describe('an entry in a TOML file', () => {
  const tomlText = fc
    .subarray(TOML)
    .chain((parts) => fc.boolean().map((end) => (end ? parts.join('') : parts.join('').trimEnd())))
  const entry = { command: '/home/a "b"/x', args: ['connect', '--server', 'files'] }

  it('is added behind everything else, and taken back', () => {
    fc.assert(
      fc.property(tomlText, (text) => {
        const after = addTable(text, 'mcp_servers', 'files', entry)
        expect(after.startsWith(text)).toBe(true)
        expect(() => addTable(after, 'mcp_servers', 'files', entry)).toThrow(/already/)
        const back = removeTable(after, 'mcp_servers', 'files')
        const lineEnd = text.includes('\r\n') ? '\r\n' : '\n'
        expect(back).toBe(text === '' || text.endsWith('\n') ? text : text + lineEnd)
      }),
    )
  })

  it('is taken from the middle with its own lines only', () => {
    const text = `a = 1\n\n[mcp_servers.files]\ncommand = "x" # mine\nargs = [\n "y",\n]\n\n# of the next\n[b]\n`
    expect(removeTable(text, 'mcp_servers', 'files')).toBe('a = 1\n\n# of the next\n[b]\n')
  })

  it.each([
    '[mcp_servers.files]\n',
    '[ mcp_servers . "files" ]\n',
    "[mcp_servers.'files'.env]\nA = 1\n",
    '[mcp_servers]\nfiles.command = "x"\n',
    '[mcp_servers]\nfiles = { command = "x" }\n',
    'mcp_servers.files.command = "x"\n',
    '[mcp_servers."f\\u0069les"]\n',
  ])('finds the name taken in %j', (text) => {
    expect(() => addTable(text, 'mcp_servers', 'files', entry)).toThrow(/already/)
  })

  it.each(['mcp_servers = {}\n', '[[mcp_servers]]\n'])('adds nothing to %j', (text) => {
    expect(() => addTable(text, 'mcp_servers', 'files', entry)).toThrow(/nothing can be added/)
  })

  it.each(['a = \n', '[a\n', 'a = "b\n', 'a = """\n', 'a = [1\n', 'a b = 1\n', 'a = 1 b = 2\n', '"\\x" = 1\n'])(
    'touches nothing in what it does not understand: %j',
    (text) => {
      expect(() => addTable(text, 'mcp_servers', 'files', entry)).toThrow(/not understood/)
    },
  )

  it('does not take back a table that has others below it', () => {
    const text = `${addTable('', 'mcp_servers', 'files', entry)}[mcp_servers.files.env]\nA = "1"\n`
    expect(() => removeTable(text, 'mcp_servers', 'files')).toThrow(/more than one table/)
  })
})

describe('the entries of agents', () => {
  it.each(FILES.map((file) => [file.label, file] as const))('start the shim, and hold no token: %s', (_, file) => {
    const { text, name } = addServer(file, '', TARGET)
    expect(name).toBe('files')
    const args = ['connect', '--agent', file.agent, '--gateway', 'desk', '--server', 'files']
    expect(ownEntries(file, text)).toEqual([{ name: 'files', args }])
    expect(text).not.toMatch(/token|authorization|bearer|https?:/i)
    expect(() => addServer(file, text, TARGET)).toThrow(/already, as "files"/)
    expect(ownEntries(file, removeServer(file, text, 'files'))).toEqual([])
  })

  it('say nothing of this machine in a file of a workspace', () => {
    const shared = FILES.filter(({ workspace }) => workspace !== undefined)
    expect(shared).toHaveLength(3)
    for (const file of shared) expect(addServer(file, '', TARGET).text).not.toContain('/home/ada')
  })

  it('take another name where theirs is taken, and none that agents do not take', () => {
    const file = fileAt('/.mcp.json')
    const text = '{"mcpServers":{"files":{"command":"mine"}}}'
    const added = addServer(file, text, TARGET)
    expect(added.name).toBe('files-desk')
    expect(added.text).toContain('"files":{"command":"mine"}')
    expect(() => addServer(file, added.text.replaceAll('--gateway', '--g'), TARGET)).toThrow(
      /called files and files-desk/,
    )
    expect(addServer(CODEX, '', { gateway: 'desk', server: 'a.b' }).name).toBe('a-b')
  })

  it('are not taken for ours when they start something else, or are of another agent', () => {
    const text = JSON.stringify({
      mcpServers: {
        a: { command: 'npx', args: ['connect', '--agent', 'cursor'] },
        b: { command: '/home/ada/.countersign/bin/countersign', args: ['connect', '--agent', 'codex'] },
        c: { url: 'http://127.0.0.1:1' },
        d: 7,
        e: { command: '/src/app/.countersign/bin/countersign', args: ['connect', '--agent', 'cursor'] },
      },
    })
    expect(ownEntries(fileAt('/home/ada/.cursor/mcp.json'), text)).toEqual([])
  })
})

/** That `after` is `before` with at most two pieces put in. */
function isInsertion(before: string, after: string): boolean {
  let head = 0
  while (head < before.length && before[head] === after[head]) head += 1
  let tail = 0
  while (tail < before.length - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1
  // What is between the two pieces: behind the comma, in front of the entry.
  const middle = before.slice(head, before.length - tail)
  return after.slice(head, after.length - tail).includes(middle)
}
