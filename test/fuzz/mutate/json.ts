import type { Random } from '../engine/random.ts'
import { mutateBytes, type Supply } from './bytes.ts'

/** JSON as a tree that keeps repeated members and tokens that are no JSON. A leaf is its token. */
type Node =
  | { readonly kind: 'token'; readonly text: string }
  | { readonly kind: 'array'; readonly items: readonly Node[] }
  | { readonly kind: 'object'; readonly members: readonly Member[] }

/** `name` is a token: with its quotes. */
interface Member {
  readonly name: string
  readonly value: Node
}

const token = (text: string): Node => ({ kind: 'token', text })

/** Nested deeper than any limit of a parser here: such inputs are changed as bytes. */
const MAX_DEPTH = 1500

function toNode(value: unknown, depth = 0): Node {
  if (depth > MAX_DEPTH) throw new RangeError('nested too deeply to be changed as a tree')
  if (Array.isArray(value)) return { kind: 'array', items: value.map((item) => toNode(item, depth + 1)) }
  if (typeof value !== 'object' || value === null) return token(JSON.stringify(value))
  const members = Object.entries(value).map(([name, member]) => ({
    name: JSON.stringify(name),
    value: toNode(member, depth + 1),
  }))
  return { kind: 'object', members }
}

/** With `loose`, white space and, now and then, a slip of the pen between the tokens. */
function write(node: Node, random: Random, loose: boolean): string {
  const gap = (): string => (loose && random.chance(3) ? (random.pick(GAPS) ?? '') : '')
  if (node.kind === 'token') return gap() + node.text + gap()
  if (node.kind === 'array')
    return `${gap()}[${node.items.map((item) => write(item, random, loose)).join(',')}${gap()}]${gap()}`
  const members = node.members.map(({ name, value }) => `${gap()}${name}${gap()}:${write(value, random, loose)}`)
  return `${gap()}{${members.join(',')}${gap()}}${gap()}`
}

const GAPS = [' ', '\n', '\r\n', '\t', '  ', '\u00a0', '\u2028', '\f', '/**/', '\ufeff', ','] as const

const LEAVES = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '1',
  '-1',
  '1.0',
  '1e0',
  '1E400',
  '-1e-400',
  '0.1',
  '01',
  '+1',
  '.5',
  '1.',
  '9007199254740991',
  '9007199254740993',
  '18446744073709551616',
  '1e999',
  'NaN',
  'Infinity',
  '""',
  '" "',
  '"\\u0000"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\ud83d\\ude00"',
  '"\ud83d\ude00"',
  '"\\u202e"',
  '"__proto__"',
  '"\\n"',
  '"\\x41"',
  "'a'",
  '{}',
  '[]',
  '{"__proto__":1}',
  '[[]]',
  '',
].map(token)

const NAMES = [
  '"__proto__"',
  '"constructor"',
  '"prototype"',
  '"toString"',
  '"hasOwnProperty"',
  '""',
  '"0"',
  '"length"',
  '"then"',
  '"toJSON"',
  'a',
]

/** One mutation of a JSON document; of bytes, where it is none. */
export function mutateJson(bytes: Uint8Array, supply: Supply): Uint8Array {
  const { random, limit } = supply
  const root = random.chance(4) ? undefined : read(Buffer.from(bytes).toString('utf8'))
  if (root === undefined) return mutateBytes(bytes, supply)
  // In one of eight nothing changes but the spelling: that must change nothing.
  const changed = random.chance(8) ? root : change(root, supply)
  return Buffer.from(write(changed, random, random.chance(4))).subarray(0, limit)
}

/** One line of a file of lines changed as JSON, gone, twice, or somewhere else; or bytes of the whole. */
export function mutateLines(bytes: Uint8Array, supply: Supply): Uint8Array {
  const { random, limit } = supply
  if (random.chance(5)) return mutateBytes(bytes, supply)
  const lines = Buffer.from(bytes).toString('utf8').split('\n')
  const at = random.below(lines.length)
  const line = lines[at] ?? ''
  const to = random.below(lines.length)
  switch (random.below(4)) {
    case 0:
      lines.splice(at, 1)
      break
    case 1:
      lines.splice(to, 0, line)
      break
    default:
      lines[at] = Buffer.from(mutateJson(Buffer.from(line), supply)).toString('utf8')
  }
  return Buffer.from(lines.join('\n')).subarray(0, limit)
}

function read(text: string): Node | undefined {
  try {
    return toNode(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The node and all that is in it. Into one list: a list of lists for each level would cost depth times size. */
function list(node: Node, into: Node[] = []): Node[] {
  into.push(node)
  if (node.kind === 'array') for (const item of node.items) list(item, into)
  if (node.kind === 'object') for (const { value } of node.members) list(value, into)
  return into
}

function change(root: Node, supply: Supply): Node {
  const chosen = supply.random.pick(list(root))
  const replace = (node: Node): Node => {
    if (node === chosen) return mutated(node, supply)
    if (node.kind === 'array') return { kind: 'array', items: node.items.map(replace) }
    if (node.kind === 'object') {
      return { kind: 'object', members: node.members.map(({ name, value }) => ({ name, value: replace(value) })) }
    }
    return node
  }
  return replace(root)
}

function mutated(node: Node, supply: Supply): Node {
  const { random } = supply
  if (random.chance(5)) return random.pick(LEAVES) ?? node
  if (random.chance(10)) return fromOther(supply) ?? node
  if (random.chance(40)) return nested(node, random)
  if (node.kind === 'array')
    return { kind: 'array', items: rearranged(node.items, random, () => random.pick(LEAVES) ?? node) }
  if (node.kind === 'object') return { kind: 'object', members: members(node.members, supply) }
  return node.text.startsWith('"') ? token(string(node.text, supply)) : token(number(node.text, random))
}

function members(all: readonly Member[], { random, tokens }: Supply): readonly Member[] {
  if (all.length > 0 && random.chance(3)) {
    // The same member again, or instead of it one under a name that some readers take for the same.
    const { name, value } = all[random.below(all.length)] ?? { name: '""', value: token('1') }
    const again = { name: respelled(name, random), value: random.chance(2) ? value : (random.pick(LEAVES) ?? value) }
    if (random.chance(3)) return all.map((member) => (member.name === name ? again : member))
    return random.chance(2) ? [...all, again] : [again, ...all]
  }
  return rearranged(all, random, () => {
    const word = random.pick(tokens)
    const known = word === undefined ? undefined : JSON.stringify(Buffer.from(word).toString('utf8'))
    return { name: known ?? random.pick(NAMES) ?? '""', value: random.pick(LEAVES) ?? token('1') }
  })
}

function rearranged<T>(all: readonly T[], random: Random, extra: () => T): readonly T[] {
  const at = random.below(all.length)
  const to = random.below(all.length + 1)
  const item = all.slice(at, at + 1)
  const without = [...all.slice(0, at), ...all.slice(at + 1)]
  const times = random.chance(30) ? random.below(5000) : 1
  switch (random.below(4)) {
    case 0:
      return without
    case 1:
      return [...without.slice(0, to), ...item, ...without.slice(to)]
    case 2:
      return [...all.slice(0, to), ...item, ...all.slice(to)]
    default:
      return [...all.slice(0, to), ...Array.from({ length: times }, extra), ...all.slice(to)]
  }
}

/** "id" as "\u0069d" or "ID", "a/b" as "a~1b". */
function respelled(name: string, random: Random): string {
  switch (random.below(6)) {
    case 0:
      return name
    case 1:
      return name.toUpperCase()
    case 2:
      // Go's encoding/json takes the long s for an s.
      return name.replaceAll('s', '\u017f')
    case 3:
      return name.includes('/') ? name.replaceAll('/', '~1') : name.replaceAll('~1', '/')
    default:
      return escaped(name, random)
  }
}

function escaped(name: string, random: Random): string {
  const at = 1 + random.below(name.length - 2)
  const unit = name[at]
  if (unit === undefined || unit === '\\' || unit === '"') return name
  return `${name.slice(0, at)}\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(at + 1)}`
}

/** A string; one that holds a document of its own (a statement, a JWS, a payload in base64url) is changed inside. */
function string(text: string, supply: Supply): string {
  const { random } = supply
  let plain: string
  try {
    plain = String(JSON.parse(text))
  } catch {
    return text
  }
  if (random.chance(6)) return respelled(text, random)
  if (plain.startsWith('{') && !random.chance(4)) {
    return JSON.stringify(Buffer.from(mutateJson(Buffer.from(plain), supply)).toString('utf8'))
  }
  if (/^[A-Za-z0-9_-]{4,}$/.test(plain) && !random.chance(3)) {
    const decoded = Buffer.from(plain, 'base64url')
    const changed = decoded[0] === 0x7b ? mutateJson(decoded, supply) : mutateBytes(decoded, supply)
    return JSON.stringify(Buffer.from(changed).toString('base64url'))
  }
  return JSON.stringify(Buffer.from(mutateBytes(Buffer.from(plain), supply)).toString('utf8'))
}

function number(text: string, random: Random): string {
  const near = Number(text) + random.below(3) - 1
  return random.pick([
    `${text}0`,
    `-${text}`,
    `${text}.0`,
    `${text}e0`,
    `${text}E+2`,
    `${near}`,
    `0${text}`,
    '9007199254740992',
  ])
}

function fromOther({ random, other }: Supply): Node | undefined {
  const root = read(Buffer.from(other()).toString('utf8'))
  return root === undefined ? undefined : random.pick(list(root))
}

function nested(node: Node, random: Random): Node {
  const depth = random.pick([1, 3, 63, 64, 65, 513, 1001] as const)
  const object = random.chance(3)
  const inside = write(node, random, false)
  return token(`${(object ? '{"a":' : '[').repeat(depth)}${inside}${(object ? '}' : ']').repeat(depth)}`)
}
